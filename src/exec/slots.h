// Cores and GPUs that trials of one process have for themselves.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "hypertune/command.h"

namespace hypertune {

/// What one trial may use.
struct Slot {
  std::vector<int> cpus = {};          ///< empty: all
  std::vector<std::string> gpus = {};  ///< empty: left alone
};

/// As many slots as trials run at once. Thread-safe.
class Slots {
 public:
  /// Throws ConfigError when this machine, or what this process may use of it, has too little.
  Slots(const CommandOptions& options, int workers);

  /// A slot, given back at the end of its life. Waits for one when there are more users.
  class Lease {
   public:
    explicit Lease(Slots& slots);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    const Slot& operator*() const { return slot_; }
    const Slot* operator->() const { return &slot_; }

   private:
    Slots& slots_;
    Slot slot_;
  };

 private:
  std::mutex mutex_;  // guards free_
  std::condition_variable returned_;
  std::vector<Slot> free_;
};

}  // namespace hypertune
