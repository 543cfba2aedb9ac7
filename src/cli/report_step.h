// What a script inside a trial reports.
#pragma once

#include <string>
#include <vector>

namespace hypertune {

enum class ReportKind { Step, Result };

/// Whether the first argument of `hypertune report` is `name=value` rather than a study.
bool is_metric_argument(const std::string& word);

/// Writes `step=3 val_loss=0.2` to the descriptor of the trial that this process belongs to. With
/// answers, waits for one, prints `continue`, `stop` or `pause`, and returns kStopped for the last
/// two. Throws ConfigError outside of a trial and for anything but names with numbers.
int report_step(const std::vector<std::string>& words, ReportKind kind);

}  // namespace hypertune
