// `hypertune report step=3 val_loss=0.2`, inside a trial: one line to the program that runs it.
#include "cli/report_step.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/stored_study.h"
#include "exec/report_line.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::size_t kShown = 60;
constexpr std::size_t kMaxAnswer = 64 * 1024;

/// The descriptor that a variable names; nothing when it is not set.
std::optional<int> descriptor_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  const std::string_view digits = text;
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || number < 0 || ::fcntl(number, F_GETFD) < 0) {
    throw ConfigError(
        fmt::format("{} is \"{}\", which is no open descriptor; has a program between "
                    "hypertune and this one closed it?",
                    variable, shorten(plain_text(digits), kShown)));
  }
  return number;
}

Json value_of(std::string_view name, std::string_view text) {
  if (name == "step") {
    std::int64_t step = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error == std::errc() && end == text.data() + text.size()) return step;
    throw ConfigError(fmt::format("step={} is no whole number", shorten(text, kShown)));
  }
  if (const auto number = number_in_text(text)) return *number;
  throw ConfigError(fmt::format("{}={} is no number; write digits such as 0.25 or 1e-3, nan or inf",
                                name, shorten(text, kShown)));
}

std::string line_of(const std::vector<std::string>& words, ReportKind kind) {
  Json metrics = Json::object();
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw ConfigError(fmt::format("\"{}\" is not of the form name=number, such as val_loss=0.25",
                                    shorten(word, kShown)));
    }
    const std::string name = word.substr(0, equals);
    if (metrics.contains(name)) throw ConfigError(fmt::format("{} is given twice", name));
    if (kind == ReportKind::Result && name == "step") {
      throw ConfigError("a result has no step; leave it out, or leave --result out");
    }
    metrics[name] = value_of(name, std::string_view(word).substr(equals + 1));
  }
  const std::string line =
      dump_json(kind == ReportKind::Result ? Json{{"result", std::move(metrics)}} : metrics);
  const ParsedReportLine parsed = parse_report_line(line);
  if (!parsed.line) throw ConfigError("this cannot be reported: " + parsed.fault);
  return line + "\n";
}

void send(int descriptor, std::string_view line) {
  const NoPipeSignal no_signal;
  while (!line.empty()) {
    const ssize_t n = ::write(descriptor, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(fmt::format("cannot report to the trial: {}", std::strerror(errno)));
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// Byte by byte: what follows the line belongs to the next report.
std::string receive(int descriptor) {
  std::string line;
  char c = 0;
  while (line.size() < kMaxAnswer) {
    const ssize_t n = ::read(descriptor, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw Error("the trial gave no answer to the report; it has ended");
    if (c == '\n') return line;
    line += c;
  }
  throw Error("the answer to the report is too long");
}

}  // namespace

bool is_metric_argument(const std::string& word) {
  std::error_code error;
  return word.find('=') != std::string::npos && !is_storage_url(word) &&
         !std::filesystem::exists(word, error);
}

int report_step(const std::vector<std::string>& words, ReportKind kind) {
  const std::string line = line_of(words, kind);
  const auto reports = descriptor_in("HYPERTUNE_REPORT_FD");
  if (!reports) {
    throw ConfigError(
        "HYPERTUNE_REPORT_FD is not set: `hypertune report name=value` works inside a program that "
        "hypertune runs as a trial; trials that you asked for are reported by `hypertune tell`");
  }
  const auto answers =
      kind == ReportKind::Step ? descriptor_in("HYPERTUNE_ANSWER_FD") : std::nullopt;
  send(*reports, line);
  if (!answers) return kDone;
  const Json answer = parse_json(receive(*answers));
  if (const auto fault = answer.find("error"); fault != answer.end()) {
    throw ConfigError("the report was dropped: " + fault->get<std::string>());
  }
  const std::string decision = answer.value("decision", "continue");
  fmt::print("{}\n", decision);
  return decision == "continue" ? kDone : kStopped;
}

}  // namespace hypertune
