// First in, first out: nothing is stopped.
#include "hypertune/scheduler.h"

namespace hypertune {
namespace {

class FifoScheduler final : public Scheduler {
 public:
  Ruling on_report(const TrialRecord&, const History&) const override { return {}; }
  bool uses_history() const override { return false; }
};

}  // namespace

std::unique_ptr<Scheduler> fifo_scheduler() { return std::make_unique<FifoScheduler>(); }

}  // namespace hypertune
