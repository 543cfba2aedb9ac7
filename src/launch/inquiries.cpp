// Pacing of questions, with limits.
#include "launch/inquiries.h"

#include <fmt/format.h>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::chrono::seconds kBetweenQuestions{1};
constexpr std::chrono::seconds kAfterFailure{5};
/// A controller that is restarted or moved is back by then. Workers do not need it meanwhile.
constexpr std::chrono::minutes kPatience{15};

}  // namespace

Inquiries::Inquiries(std::string cluster) : cluster_(std::move(cluster)) {}

bool Inquiries::due() const { return Clock::now() >= next_; }

void Inquiries::answered() {
  next_ = Clock::now() + kBetweenQuestions;
  silent_since_.reset();
  trouble_.clear();
}

void Inquiries::failed(const std::string& why) {
  const auto now = Clock::now();
  next_ = now + kAfterFailure;
  if (!silent_since_) silent_since_ = now;
  const std::chrono::duration<double> silent = now - *silent_since_;
  trouble_ = fmt::format("{} does not answer, for {} now: {}", cluster_,
                         format_duration(silent.count()), why);
  if (silent > kPatience) {
    throw Error(trouble_ + "; the workers may go on all the same: run the study again to follow");
  }
}

}  // namespace hypertune
