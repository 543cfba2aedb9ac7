// What becomes of workers, with the limits to starting them again.
#include "launch/fleet.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"

namespace hypertune {
namespace {

/// A worker that dies more often does so wherever it runs.
constexpr int kMaxDeaths = 3;
/// Enough for a long study in a short partition; an end to one whose trials never fit into it.
constexpr int kMaxRenewals = 100;

constexpr std::size_t kMaxLastWords = 500;

}  // namespace

bool is_over(const FleetWorker& worker) {
  return worker.fate == WorkerFate::Ended || worker.fate == WorkerFate::Failed;
}

std::string last_words(std::string_view printed) {
  std::string_view end = trim(printed);
  if (end.size() > kMaxLastWords) {
    end.remove_prefix(end.size() - kMaxLastWords);
    const auto line = end.find('\n');
    if (line != std::string_view::npos) end.remove_prefix(line + 1);
  }
  std::string words(trim(end));
  for (char& character : words) {
    if (static_cast<unsigned char>(character) < ' ') character = ' ';
  }
  return words;
}

void Fleet::resize(int workers) {
  workers_.resize(static_cast<std::size_t>(workers));
  for (int i = 0; i < workers; ++i) workers_[static_cast<std::size_t>(i)].number = i;
}

void Fleet::died(FleetWorker& worker, const std::string& why) {
  last_failure_ = fmt::format("worker {} died: {}", worker.number, why);
  ++worker.deaths;
  worker.wants_start = !stopping_ && worker.deaths < kMaxDeaths;
  worker.fate = worker.wants_start ? WorkerFate::Pending : WorkerFate::Failed;
}

void Fleet::given_up(FleetWorker& worker, const std::string& why) {
  last_failure_ = fmt::format("worker {} is gone: {}", worker.number, why);
  worker.fate = WorkerFate::Failed;
}

void Fleet::renew(FleetWorker& worker) {
  if (stopping_ || worker.renewals == kMaxRenewals) {
    worker.fate = WorkerFate::Ended;
    return;
  }
  ++worker.renewals;
  worker.wants_start = true;
  worker.fate = WorkerFate::Pending;
}

void Fleet::submitted(FleetWorker& worker, std::string job) {
  worker.job = std::move(job);
  worker.wants_start = false;
  worker.fate = WorkerFate::Pending;
}

void Fleet::stop() {
  stopping_ = true;
  for (FleetWorker& worker : workers_) {
    if (std::exchange(worker.wants_start, false)) worker.fate = WorkerFate::Ended;
  }
}

WorkerCounts Fleet::counts() const {
  WorkerCounts counts;
  for (const FleetWorker& worker : workers_) {
    switch (worker.fate) {
      case WorkerFate::Pending:
        ++counts.pending;
        break;
      case WorkerFate::Running:
        ++counts.running;
        break;
      case WorkerFate::Ended:
        ++counts.ended;
        break;
      case WorkerFate::Failed:
        ++counts.failed;
        break;
    }
  }
  counts.last_failure = last_failure_;
  return counts;
}

}  // namespace hypertune
