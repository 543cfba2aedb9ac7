// When a cluster is asked how workers fare, and for how long one that does not answer is waited.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace hypertune {

/// Paces the questions of one launcher. Not thread-safe.
class Inquiries {
 public:
  /// `cluster` stands in messages: "Slurm's controller".
  explicit Inquiries(std::string cluster);

  /// Whether enough time has passed since the last question.
  bool due() const;
  void answered();
  /// Throws Error once the cluster has been silent for too long; workers may live all the same.
  void failed(const std::string& why);
  /// What is wrong while the cluster does not answer; empty when it does.
  const std::string& trouble() const { return trouble_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::string cluster_;
  Clock::time_point next_ = Clock::now();
  std::optional<Clock::time_point> silent_since_ = {};
  std::string trouble_ = {};
};

}  // namespace hypertune
