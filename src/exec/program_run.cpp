// The loop around a program: reports in, answers and signals out.
#include "exec/program_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr int kReportNumber = 3;  // of the descriptors in the program
constexpr int kAnswerNumber = 4;
constexpr std::size_t kChunk = 64 * 1024;
/// What a pipe can hold when the program has ended; more comes from processes that it left behind.
constexpr std::size_t kMaxRest = 1024 * 1024;
/// A program that never reads its answers gets no more.
constexpr std::size_t kMaxUnsentAnswers = 1024 * 1024;
constexpr std::size_t kReasonLines = 5;
constexpr std::size_t kReasonBytes = 600;
/// By these codes programs and shells say that they were called wrongly; again would be no better:
/// usage (2 by custom, 64 in sysexits.h), configuration (78), not executable, not found.
constexpr std::array<int, 5> kWrongCalls = {2, 64, 78, 126, 127};
/// Not for programs: where the store is, with its password, and keys to other services.
const std::vector<std::string>& secrets() {
  static const std::vector<std::string> kNames = {"HYPERTUNE_STORAGE", "PGPASSWORD",
                                                  "RAY_AUTH_TOKEN"};
  return kNames;
}

template <typename Duration>
std::chrono::steady_clock::duration on_clock(Duration duration) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(duration);
}

}  // namespace

ProgramRun::ProgramRun(Trial& trial, ProgramStart start, OutputPatterns patterns,
                       std::stop_token stop)
    : trial_(trial),
      start_(std::move(start)),
      patterns_(std::move(patterns)),
      stop_(std::move(stop)),
      stopped_(stop_),
      output_(start_.folders.trial / "stdout.txt", start_.options.keep_output_bytes),
      errors_(start_.folders.trial / "stderr.txt", start_.options.keep_output_bytes),
      report_lines_("\n", kMaxReportLine + 1),
      output_lines_("\r\n", kMaxSearchedLine),
      error_lines_("\r\n", kMaxSearchedLine) {}

void ProgramRun::start() {
  const CommandOptions& options = start_.options;
  Pipe report = open_pipe();
  Pipe output = open_pipe();
  Pipe errors = open_pipe();
  Pipe answers;
  ProcessOptions process{.argv = start_.argv,
                         .environment = start_.environment,
                         .withheld = secrets(),
                         .working_directory = start_.working_directory,
                         .descriptors = {{STDOUT_FILENO, output.write.number()},
                                         {STDERR_FILENO, errors.write.number()},
                                         {kReportNumber, report.write.number()}},
                         .cpus = start_.slot.cpus,
                         .dies_with_parent = true};
  process.environment["HYPERTUNE_REPORT_FD"] = std::to_string(kReportNumber);
  if (options.answers) {
    answers = open_pipe();
    set_nonblocking(answers.write);
    process.descriptors[kAnswerNumber] = answers.read.number();
    process.environment["HYPERTUNE_ANSWER_FD"] = std::to_string(kAnswerNumber);
  } else {
    process.withheld.emplace_back("HYPERTUNE_ANSWER_FD");
  }
  if (!start_.slot.gpus.empty()) {
    process.environment["CUDA_VISIBLE_DEVICES"] = join(start_.slot.gpus, ",");
  }
  if (options.memory_limit_bytes > 0) {
    process.limits[RLIMIT_AS] = static_cast<std::uint64_t>(options.memory_limit_bytes);
  }
  for (const Pipe* pipe : {&report, &output, &errors}) set_nonblocking(pipe->read);
  began_ = Clock::now();
  process_.emplace(process);
  report_pipe_ = std::move(report.read);
  output_pipe_ = std::move(output.read);
  error_pipe_ = std::move(errors.read);
  answer_pipe_ = std::move(answers.write);
}

Outcome ProgramRun::run() {
  if (stop_.stop_requested()) return Outcome::interrupted("interrupted before the program began");
  try {
    start();
  } catch (const Error& error) {
    return Outcome::failed(error.what());
  }
  const NoPipeSignal no_signal;
  while (!end_) {
    meet_deadlines();
    wait();
  }
  read_rest();
  output_.finish();
  errors_.finish();
  note_dropped();
  return outcome(*end_);
}

void ProgramRun::wait() {
  enum : std::uint8_t { kProcess, kStop, kReport, kOutput, kErrors, kAnswers, kCount };
  std::array<pollfd, kCount> watched{};
  watched[kProcess] = {process_->descriptor(), POLLIN, 0};
  watched[kStop] = {signalled_ ? -1 : stopped_.number(), POLLIN, 0};
  watched[kReport] = {report_pipe_.number(), POLLIN, 0};
  watched[kOutput] = {output_pipe_.number(), POLLIN, 0};
  watched[kErrors] = {error_pipe_.number(), POLLIN, 0};
  watched[kAnswers] = {answers_.empty() ? -1 : answer_pipe_.number(), POLLOUT, 0};
  int timeout_ms = -1;
  if (const auto deadline = next_deadline()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
  }
  if (::poll(watched.data(), watched.size(), timeout_ms) < 0) {
    if (errno == EINTR) return;
    throw Error(
        fmt::format("lost the program of trial {}: {}", trial_.number(), std::strerror(errno)));
  }
  if (watched[kStop].revents != 0) {
    end_because_of(Cause::Interrupted);
    terminate();
  }
  if (watched[kReport].revents != 0) read_from(report_pipe_);
  if (watched[kOutput].revents != 0) read_from(output_pipe_);
  if (watched[kErrors].revents != 0) read_from(error_pipe_);
  if (watched[kAnswers].revents != 0) send_answers();
  if (watched[kProcess].revents != 0) end_ = process_->wait();
}

std::optional<ProgramRun::Clock::time_point> ProgramRun::next_deadline() const {
  std::optional<Clock::time_point> next = kill_at_ ? kill_at_ : terminate_at_;
  if (!signalled_ && start_.options.time_limit) {
    const auto limit = began_ + on_clock(*start_.options.time_limit);
    next = next ? std::min(*next, limit) : limit;
  }
  return next;
}

void ProgramRun::meet_deadlines() {
  const auto now = Clock::now();
  if (kill_at_ && now >= *kill_at_) {
    process_->signal(SIGKILL);
    kill_at_.reset();
  }
  if (terminate_at_ && now >= *terminate_at_) terminate();
  const auto& limit = start_.options.time_limit;
  if (!signalled_ && limit && now >= began_ + on_clock(*limit)) {
    end_because_of(Cause::Timeout);
    terminate();
  }
}

void ProgramRun::end_because_of(Cause cause) {
  if (cause_ == Cause::None) cause_ = cause;
}

/// The first step of the end; SIGKILL follows after the grace time.
void ProgramRun::terminate() {
  terminate_at_.reset();
  if (signalled_) return;
  signalled_ = true;
  process_->signal(SIGTERM);
  process_->signal(SIGCONT);  // what is stopped cannot end
  kill_at_ = Clock::now() + on_clock(start_.options.grace);
}

void ProgramRun::read_from(FileDescriptor& source) {
  std::array<char, kChunk> buffer;
  const ssize_t n = ::read(source.number(), buffer.data(), buffer.size());
  if (n > 0) return on_bytes(source, {buffer.data(), static_cast<std::size_t>(n)});
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  source.close();
}

void ProgramRun::read_rest() {
  for (FileDescriptor* source : {&report_pipe_, &output_pipe_, &error_pipe_}) {
    std::array<char, kChunk> buffer;
    for (std::size_t rest = 0; *source && rest < kMaxRest;) {
      const ssize_t n = ::read(source->number(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      rest += static_cast<std::size_t>(n);
      on_bytes(*source, {buffer.data(), static_cast<std::size_t>(n)});
    }
  }
  report_lines_.finish(
      [this](std::string_view line, bool is_cut) { on_report_line(line, is_cut); });
  output_lines_.finish([this](std::string_view line, bool) { on_output_line(line); });
  error_lines_.finish([this](std::string_view line, bool) { on_output_line(line); });
  for (const ReportLine& report : patterns_.finish()) take(report);
}

void ProgramRun::on_bytes(const FileDescriptor& source, std::string_view bytes) {
  if (&source == &report_pipe_) {
    return report_lines_.feed(
        bytes, [this](std::string_view line, bool is_cut) { on_report_line(line, is_cut); });
  }
  const bool is_output = &source == &output_pipe_;
  (is_output ? output_ : errors_).append(bytes);
  if (patterns_.empty()) return;
  (is_output ? output_lines_ : error_lines_).feed(bytes, [this](std::string_view line, bool) {
    on_output_line(line);
  });
}

void ProgramRun::on_report_line(std::string_view line, bool is_cut) {
  if (trim(line).empty()) return;
  const ParsedReportLine parsed =
      is_cut ? ParsedReportLine{{}, fmt::format("it is longer than {} bytes", kMaxReportLine)}
             : parse_report_line(line);
  if (!parsed.line) drop(parsed.fault);
  if (parsed.line) take(*parsed.line);
}

void ProgramRun::on_output_line(std::string_view line) {
  if (patterns_.empty()) return;
  for (const ReportLine& report : patterns_.feed(line)) take(report);
}

void ProgramRun::take(const ReportLine& line) {
  if (line.is_result) {
    result_ = line.metrics;
    result_was_free_ = cause_ == Cause::None;
    return;
  }
  if (!line.step && last_step_ == std::numeric_limits<std::int64_t>::max()) {
    return drop(fmt::format("no step comes after step {}", *last_step_));
  }
  const std::int64_t step = line.step ? *line.step : last_step_.value_or(0) + 1;
  if (last_step_ && step <= *last_step_) {
    return drop(
        fmt::format("step {} came after step {}, and steps must increase", step, *last_step_));
  }
  last_step_ = step;
  for (const auto& [metric, value] : line.metrics) latest_[metric] = value;
  if (cause_ == Cause::None) {
    const Decision decision = trial_.report(step, line.metrics);
    if (decision == Decision::Pause) end_because_of(Cause::Pause);
    if (decision == Decision::Stop) {
      end_because_of(trial_.stop_cause() == StopCause::Interrupted  ? Cause::Interrupted
                     : trial_.stop_cause() == StopCause::NotANumber ? Cause::NotANumber
                                                                    : Cause::Stop);
    }
    // A program that is answered may end by itself, within the grace time.
    if (decision != Decision::Continue && !start_.options.answers) terminate();
    if (decision != Decision::Continue && start_.options.answers && !signalled_) {
      terminate_at_ = Clock::now() + on_clock(start_.options.grace);
    }
  }
  answer({});
}

void ProgramRun::drop(const std::string& fault) {
  if (dropped_++ == 0) first_fault_ = fault;
  answer(fault);
}

/// To each line but results, good or bad: the program waits for it.
void ProgramRun::answer(const std::string& fault) {
  if (!answer_pipe_ || answers_.size() > kMaxUnsentAnswers) return;
  const Decision decision = cause_ == Cause::None    ? Decision::Continue
                            : cause_ == Cause::Pause ? Decision::Pause
                                                     : Decision::Stop;
  Json line = {{"decision", to_string(decision)}};
  if (!fault.empty()) line["error"] = fault;
  answers_ += dump_json(line) + "\n";
  send_answers();
}

void ProgramRun::send_answers() {
  while (!answers_.empty()) {
    const ssize_t n = ::write(answer_pipe_.number(), answers_.data(), answers_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {  // nobody reads
      answer_pipe_.close();
      answers_.clear();
      return;
    }
    answers_.erase(0, static_cast<std::size_t>(n));
  }
}

Outcome ProgramRun::outcome(const ProcessEnd& end) const {
  Metrics metrics = result_.value_or(latest_);
  switch (cause_) {
    case Cause::Pause:
      return Outcome::paused();
    case Cause::Stop:
      return Outcome::pruned("stopped by the scheduler " + when(), std::move(metrics));
    case Cause::NotANumber:
      return Outcome::complete(std::move(metrics));  // fails with the name of the metric
    case Cause::Timeout:
      return failed(Failure::Timeout,
                    fmt::format("the program did not end within its time limit of {}",
                                format_duration(start_.options.time_limit->count())));
    case Cause::Interrupted:
      if (end.good() && result_ && result_was_free_) return Outcome::complete(std::move(metrics));
      return Outcome::interrupted("interrupted " + when());
    case Cause::None:
      break;
  }
  if (!end.good()) {
    const bool wrong_call =
        end.signal == 0 && std::ranges::find(kWrongCalls, end.exit_code) != kWrongCalls.end();
    return failed(wrong_call ? Failure::Error : Failure::Crash,
                  "the program ended with " + hypertune::to_string(end));
  }
  if (!metrics.empty()) return Outcome::complete(std::move(metrics));
  return failed(Failure::Error,
                "the program ended without a result; it reports by lines such as {\"val_loss\": "
                "0.2} to the descriptor in $HYPERTUNE_REPORT_FD, by `hypertune report "
                "val_loss=0.2`, or by [command.patterns] over its output");
}

Outcome ProgramRun::failed(Failure failure, const std::string& what) const {
  std::string reason = what;
  if (failure == Failure::Crash && start_.options.memory_limit_bytes > 0) {
    reason += fmt::format(" (its memory limit is {} MiB)",
                          start_.options.memory_limit_bytes / (std::int64_t{1} << 20));
  }
  if (dropped_ > 0 || patterns_.faults() > 0) reason += "; " + dropped_text();
  std::string last = errors_.last_lines(kReasonLines, kReasonBytes);
  if (last.empty()) last = output_.last_lines(kReasonLines, kReasonBytes);
  if (!last.empty()) reason += "; it printed last: " + last;
  Outcome outcome = Outcome::failed(std::move(reason));
  outcome.failure = failure;
  return outcome;
}

std::string ProgramRun::when() const {
  return last_step_ ? fmt::format("after step {}", *last_step_) : "before its first report";
}

std::string ProgramRun::dropped_text() const {
  const std::string& first = dropped_ > 0 ? first_fault_ : patterns_.first_fault();
  return fmt::format("{} dropped, the first because {}",
                     count_of(dropped_ + patterns_.faults(), "report"), first);
}

/// For those who wonder where reports are, when the trial is Complete.
void ProgramRun::note_dropped() const {
  if (dropped_ == 0 && patterns_.faults() == 0) return;
  try {
    write_file(start_.folders.trial / "dropped.txt", dropped_text() + "\n");
  } catch (const Error&) {
    return;  // a note is no reason to lose a result
  }
}

}  // namespace hypertune
