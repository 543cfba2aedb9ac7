// Trials that are calls of a function.
#include <utility>

#include "hypertune/tune.h"

namespace hypertune {
namespace {

class FunctionExecutor final : public Executor {
 public:
  explicit FunctionExecutor(std::function<Outcome(Trial&)> objective)
      : objective_(std::move(objective)) {}
  Outcome run(Trial& trial, std::stop_token) override { return objective_(trial); }

 private:
  std::function<Outcome(Trial&)> objective_;
};

}  // namespace

std::unique_ptr<Executor> function_executor(std::function<Outcome(Trial&)> objective) {
  return std::make_unique<FunctionExecutor>(std::move(objective));
}

}  // namespace hypertune
