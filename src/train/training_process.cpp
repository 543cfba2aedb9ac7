// Both sides of a process that trains: who starts it and keeps the trials, and the process itself.
#include "train/training_process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

#include "train/training_messages.h"

namespace hypertune {
namespace {

/// A process that has closed its pipes is about to end; it is not waited for any longer.
constexpr std::chrono::seconds kTimeToEnd{5};

// What messages are about.
constexpr const char* kKind = "kind";
constexpr const char* kLoad = "load";  // to the process
constexpr const char* kTrain = "train";
constexpr const char* kReady = "ready";  // from the process
constexpr const char* kFault = "fault";
constexpr const char* kReport = "report";
constexpr const char* kCheckpoint = "checkpoint";
constexpr const char* kEnd = "end";

Json message_of(const char* kind, Json rest = Json::object()) {
  rest[kKind] = kind;
  return rest;
}

[[noreturn]] void out_of_place(const Json& head) {
  throw GarbledMessage(fmt::format("a message out of place, \"{}\"", text_in(head, kKind)));
}

/// A child process, seen from its parent.
class TrainingProcess {
 public:
  /// Throws Error when it cannot be started.
  explicit TrainingProcess(const std::vector<std::string>& argv)
      : TrainingProcess(argv, open_pipe(), open_pipe()) {}

  bool has_ended() { return process_.ended().has_value(); }
  /// Nothing, or why the data cannot be loaded. Throws what Channel throws, as does `train`.
  std::optional<std::string> load(const TrainerOptions& options, std::uint64_t seed);
  /// Trains to the end of the trial, or until it pauses. Throws what the link throws as well.
  Outcome train(const TrialStart& start, TrialLink& link);
  /// How it ended, once its pipes are closed.
  std::string end();

 private:
  TrainingProcess(const std::vector<std::string>& argv, Pipe requests, Pipe answers)
      : process_({.argv = argv,
                  .environment = {{"HYPERTUNE_OFFLINE", "1"}},
                  .descriptors = {{STDERR_FILENO, STDERR_FILENO},
                                  {kTrainingRequests, requests.read.number()},
                                  {kTrainingAnswers, answers.write.number()}},
                  .dies_with_parent = true}),
        channel_(std::move(answers.read), std::move(requests.write)) {}

  Process process_;
  Channel channel_;
};

std::optional<std::string> TrainingProcess::load(const TrainerOptions& options,
                                                 std::uint64_t seed) {
  channel_.send(message_of(kLoad, {{"options", to_json(options)}, {"seed", seed}}));
  const Json answer = channel_.receive().head;
  const std::string kind = text_in(answer, kKind);
  if (kind == kFault) return text_in(answer, "reason");
  if (kind != kReady) out_of_place(answer);
  return std::nullopt;
}

/// Whether a training can end so after this answer.
bool is_possible(const Outcome& outcome, const ReportAnswer& last) {
  if (outcome.failure == Failure::Interrupted) return last.interrupted;
  if (outcome.state == TrialState::Paused) return last.decision == Decision::Pause;
  if (outcome.state == TrialState::Pruned) return last.decision != Decision::Continue;
  return (outcome.state == TrialState::Failed) == (outcome.failure != Failure::None);
}

Outcome TrainingProcess::train(const TrialStart& start, TrialLink& link) {
  std::optional<std::string_view> checkpoint;
  if (start.checkpoint) checkpoint = *start.checkpoint;
  channel_.send(message_of(kTrain, to_json(start)), checkpoint);
  ReportAnswer last;
  bool takes_checkpoint = false;
  for (;;) {
    const Message message = channel_.receive();
    const std::string kind = text_in(message.head, kKind);
    if (kind == kReport) {
      last = link.report(whole_in(message.head, "step"), metrics_in(message.head));
      takes_checkpoint = last.wants_checkpoint || start.may_save_checkpoint;
      channel_.send(to_json(last));
    } else if (kind == kCheckpoint && message.bytes && takes_checkpoint) {
      takes_checkpoint = false;
      link.save_checkpoint(*message.bytes);
    } else if (kind == kEnd) {
      Outcome outcome = outcome_in(message.head);
      if (!is_possible(outcome, last)) out_of_place(message.head);
      return outcome;
    } else {
      out_of_place(message.head);
    }
  }
}

std::string TrainingProcess::end() {
  const auto end = process_.wait_until(std::chrono::steady_clock::now() + kTimeToEnd);
  if (!end) return "closed its pipes";
  const char* hint = end->signal == SIGKILL ? ", which the system sends when memory runs out" : "";
  return fmt::format("ended with {}{}", to_string(*end), hint);
}

/// How far a training came.
class FollowedLink final : public TrialLink {
 public:
  explicit FollowedLink(TrialLink& link) : link_(link) {}
  ReportAnswer report(std::int64_t step, Metrics metrics) override {
    last_step_ = step;
    return link_.report(step, std::move(metrics));
  }
  void save_checkpoint(std::string_view bytes) override { link_.save_checkpoint(bytes); }
  std::string when() const {
    return last_step_ ? fmt::format("after epoch {}", *last_step_) : "before its first report";
  }

 private:
  TrialLink& link_;
  std::optional<std::int64_t> last_step_;
};

class TrainingProcesses final : public Executor {
 public:
  TrainingProcesses(const TrainerOptions& options, std::uint64_t seed,
                    std::vector<std::string> argv)
      : options_(options), seed_(seed), argv_(std::move(argv)) {}

  Outcome run(Trial& trial, std::stop_token stop) override;

 private:
  std::unique_ptr<TrainingProcess> take();
  void put_back(std::unique_ptr<TrainingProcess> process);

  TrainerOptions options_;
  std::uint64_t seed_;
  std::vector<std::string> argv_;
  std::mutex mutex_;  // guards idle_
  std::map<std::thread::id, std::unique_ptr<TrainingProcess>> idle_;
};

/// That of the calling thread, if it is still there: another thread's would be killed with that
/// thread.
std::unique_ptr<TrainingProcess> TrainingProcesses::take() {
  std::unique_ptr<TrainingProcess> process;
  {
    const std::scoped_lock lock(mutex_);
    process = std::move(idle_[std::this_thread::get_id()]);
  }
  if (process && process->has_ended()) process.reset();
  return process;
}

void TrainingProcesses::put_back(std::unique_ptr<TrainingProcess> process) {
  const std::scoped_lock lock(mutex_);
  idle_[std::this_thread::get_id()] = std::move(process);
}

Outcome TrainingProcesses::run(Trial& trial, std::stop_token stop) {
  const NoPipeSignal no_signal;
  OwnTrial own(trial, std::move(stop));
  FollowedLink link(own);
  std::unique_ptr<TrainingProcess> process = take();
  const auto crash = [&](const std::string& what) {
    return Outcome{TrialState::Failed,
                   {},
                   fmt::format("the process that trained it {} {}", what, link.when()),
                   Failure::Crash};
  };
  try {
    if (!process) {
      process = std::make_unique<TrainingProcess>(argv_);
      if (const auto fault = process->load(options_, seed_)) return Outcome::failed(*fault);
    }
    Outcome outcome = process->train(start_of(trial), link);
    put_back(std::move(process));
    return outcome;
  } catch (const ChannelClosed&) {
    return crash(process->end());
  } catch (const GarbledMessage& fault) {
    return crash(fmt::format("sent {}", fault.what()));
  }
}

/// To a trial of the process that started this one.
class RemoteTrial final : public TrialLink {
 public:
  explicit RemoteTrial(Channel& channel) : channel_(channel) {}
  ReportAnswer report(std::int64_t step, Metrics metrics) override {
    channel_.send(message_of(kReport, {{"step", step}, {"metrics", to_json(metrics)}}));
    return answer_in(channel_.receive().head);
  }
  void save_checkpoint(std::string_view bytes) override {
    channel_.send(message_of(kCheckpoint), bytes);
  }

 private:
  Channel& channel_;
};

/// Loads the data, then trains for one trial after another.
void serve(Channel& channel) {
  const Json request = channel.receive().head;
  if (text_in(request, kKind) != kLoad) out_of_place(request);
  const TrainerOptions options = options_in(request);
  const std::uint64_t seed = request.at("seed").get<std::uint64_t>();
  ChosenDataset chosen;
  Split split;
  try {
    chosen = load_first_dataset(options.dataset, {options.max_samples, seed});
    split = split_dataset(chosen.data, options, seed);
  } catch (const std::exception& error) {
    return channel.send(message_of(kFault, {{"reason", error.what()}}));
  }
  channel.send(message_of(kReady));
  for (;;) {
    Message message = channel.receive();
    if (text_in(message.head, kKind) != kTrain) out_of_place(message.head);
    const TrialStart start = start_in(std::move(message));
    RemoteTrial link(channel);
    Outcome outcome;
    try {
      outcome =
          train_trial(start, link, options, chosen.data, split, std::chrono::steady_clock::now);
    } catch (const ChannelClosed&) {
      throw;
    } catch (const GarbledMessage&) {
      throw;
    } catch (const std::exception& error) {  // as `tune` takes it
      outcome = Outcome::failed(error.what());
    }
    channel.send(message_of(kEnd, to_json(outcome)));
  }
}

}  // namespace

std::unique_ptr<Executor> training_processes(const TrainerOptions& options, std::uint64_t seed,
                                             std::vector<std::string> argv) {
  options.validate();
  return std::make_unique<TrainingProcesses>(options, seed, std::move(argv));
}

void serve_trainings() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(signal, SIG_IGN);
  }
  Channel channel{FileDescriptor(kTrainingRequests), FileDescriptor(kTrainingAnswers)};
  try {
    serve(channel);
  } catch (const ChannelClosed&) {  // nobody wants anything any more
  }
}

}  // namespace hypertune
