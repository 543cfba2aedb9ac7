// The workers of a launcher whose cluster runs them as jobs: what each does, and how often it died.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launch/launcher.h"

namespace hypertune {

/// Exit code of a worker that left in good order before the study ended.
inline constexpr int kWorkerLeft = 130;
/// Exit code of a worker that would fail again wherever it is started.
inline constexpr int kWorkerMisconfigured = 2;

enum class WorkerFate { Pending, Running, Ended, Failed };

/// A worker, which is a new job each time that it is started again.
struct FleetWorker {
  int number = 0;
  std::string job = {};
  WorkerFate fate = WorkerFate::Pending;
  int deaths = 0;
  int renewals = 0;          ///< times that it left because its time was over
  bool wants_start = false;  ///< it died or left too early, and has no job until it is submitted
};

bool is_over(const FleetWorker& worker);

/// The end of what a worker printed, shortened, on one line.
std::string last_words(std::string_view printed);

/// Not thread-safe.
class Fleet {
 public:
  void resize(int workers);
  std::vector<FleetWorker>& workers() { return workers_; }
  const std::vector<FleetWorker>& workers() const { return workers_; }

  /// The worker died: it is to be started again, or is given up after some times.
  void died(FleetWorker& worker, const std::string& why);
  /// Somebody else ended it, or it cannot run: it is not started again.
  void given_up(FleetWorker& worker, const std::string& why);
  /// It left in good order because its time was over, and the study is not.
  void renew(FleetWorker& worker);
  void submitted(FleetWorker& worker, std::string job);
  /// No worker is started again from now on; those without a job have ended.
  void stop();
  bool stopping() const { return stopping_; }

  WorkerCounts counts() const;

 private:
  std::vector<FleetWorker> workers_;
  std::string last_failure_ = {};
  bool stopping_ = false;
};

}  // namespace hypertune
