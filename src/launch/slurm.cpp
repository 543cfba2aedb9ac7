// Workers as tasks of array jobs of Slurm, through its own commands.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "base/process.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "launch/fleet.h"
#include "launch/inquiries.h"
#include "launch/launcher.h"
#include "launch/slurm_text.h"

namespace hypertune {
namespace {

namespace fs = std::filesystem;

/// Slurm's commands wait for some ten seconds for a controller that does not answer.
constexpr std::chrono::seconds kCommandTimeLimit{60};
constexpr std::streamoff kEndOfLogBytes = 2000;

const std::set<std::string, std::less<>> kRunning = {"RUNNING",   "COMPLETING", "SIGNALING",
                                                     "STAGE_OUT", "SUSPENDED",  "STOPPED"};
const std::set<std::string, std::less<>> kPending = {
    "PENDING",      "CONFIGURING",  "REQUEUED", "REQUEUE_FED",  "RESV_DEL_HOLD",
    "SPECIAL_EXIT", "REQUEUE_HOLD", "RESIZING", "POWER_UP_NODE"};

void demand_commands() {
  for (const char* command : {"sbatch", "squeue", "scancel", "scontrol"}) {
    if (find_program(command)) continue;
    throw Error(fmt::format(
        "launcher slurm: {} is not on the PATH: run this where Slurm's commands are, such as a "
        "login node of the cluster, or choose another launcher",
        command));
  }
}

/// The workers' environment goes by the process's own, which other users cannot read.
ProgramResult run_command(std::vector<std::string> argv, std::string_view input = {},
                          const std::map<std::string, std::string>& environment = {}) {
  ProcessOptions options{.argv = std::move(argv), .environment = environment};
  return run_program(std::move(options), input, kCommandTimeLimit);
}

/// What a command that failed said, on one line.
std::string complaint(const std::string& command, const ProgramResult& result) {
  if (result.timed_out) {
    return fmt::format("{} gave no answer for {}", command,
                       format_duration(std::chrono::duration<double>(kCommandTimeLimit).count()));
  }
  const auto said = split(trim(result.errors), '\n');
  const std::string words = join(said, "; ");
  return words.empty() ? fmt::format("{} ended with {}", command, to_string(result.end)) : words;
}

/// The last lines of a file; empty when it cannot be read.
std::string end_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  in.seekg(std::max<std::streamoff>(0, in.tellg() - kEndOfLogBytes));
  return last_words(std::string(std::istreambuf_iterator<char>(in), {}));
}

class SlurmLauncher final : public Launcher {
 public:
  SlurmLauncher(const WorkerResources& resources, SlurmOptions options)
      : resources_(resources), options_(std::move(options)) {
    check_sbatch_options(options_.extra);
  }

  void start(const WorkerCommand& command, int workers) override {
    demand_commands();
    command_ = command;
    prepare_log_folder();
    fleet_.resize(workers);
    std::vector<FleetWorker*> all;
    for (FleetWorker& worker : fleet_.workers()) all.push_back(&worker);
    submit(all);
  }

  WorkerCounts poll() override {
    if (inquiries_.due()) ask();
    WorkerCounts counts = fleet_.counts();
    counts.trouble = inquiries_.trouble();
    return counts;
  }

  void stop() override {
    fleet_.stop();
    // What waits is taken from the queue first, so that nothing begins after the others were told.
    cancel({"--state=PENDING"});
    cancel({"--signal=TERM", "--batch"});
  }

  void kill() override {
    fleet_.stop();
    cancel({});
  }

  std::string how_to_stop() const override { return "scancel " + join(jobs_, " "); }

 private:
  void prepare_log_folder() {
    if (options_.log_folder.empty()) {
      throw Error("launcher slurm: no folder for the workers' logs was given");
    }
    const fs::path folder = fs::absolute(options_.log_folder);
    options_.log_folder = folder.string();
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (error) {
      throw Error(fmt::format("cannot make the folder {} for the workers' logs: {}",
                              folder.string(), error.message()));
    }
    if (made) fs::permissions(folder, fs::perms::owner_all, error);
  }

  /// One array job for these workers. Throws Error when Slurm refuses it.
  void submit(const std::vector<FleetWorker*>& workers) {
    const bool all = workers.size() == fleet_.workers().size();
    std::vector<std::string> numbers;
    for (const FleetWorker* worker : workers) numbers.push_back(std::to_string(worker->number));
    const std::string tasks = all ? fmt::format("0-{}", workers.size() - 1) : join(numbers, ",");
    const ProgramResult result =
        run_command(sbatch_argv(resources_, options_, command_.working_directory, tasks),
                    batch_script(command_.argv), command_.environment);
    if (!result.end.good() || result.timed_out) {
      throw Error("Slurm refused the job of the workers: " + complaint("sbatch", result));
    }
    const auto job = parse_job_id(result.output);
    if (!job) {
      throw Error(fmt::format("sbatch --parsable answered \"{}\", which is no number of a job",
                              shorten(trim(result.output), 200)));
    }
    jobs_.push_back(*job);
    for (FleetWorker* worker : workers) fleet_.submitted(*worker, *job);
  }

  void ask() {
    const ProgramResult result = run_command(squeue_argv(join(jobs_, ",")));
    const bool unknown = result.errors.find("Invalid job id") != std::string::npos;
    if (result.timed_out || (!result.end.good() && !unknown)) {
      inquiries_.failed(complaint("squeue", result));
      return;
    }
    inquiries_.answered();
    const auto tasks = parse_squeue(result.output);
    for (FleetWorker& worker : fleet_.workers()) {
      if (!is_over(worker) && !worker.wants_start) update(worker, tasks);
    }
    try {
      act();
    } catch (const Error& error) {
      inquiries_.failed(error.what());
    }
  }

  /// What the news call for.
  void act() {
    std::vector<FleetWorker*> waiting;
    bool pending = false;
    for (FleetWorker& worker : fleet_.workers()) {
      if (worker.wants_start) waiting.push_back(&worker);
      pending = pending || worker.fate == WorkerFate::Pending;
    }
    // Requeued after the others were told to leave: its node was lost.
    if (fleet_.stopping() && pending) cancel({"--state=PENDING"});
    if (!waiting.empty()) submit(waiting);
  }

  void update(FleetWorker& worker, const std::vector<SlurmTask>& tasks) {
    const std::string index = std::to_string(worker.number);
    const SlurmTask* task = nullptr;
    for (const SlurmTask& each : tasks) {
      // A job that was cancelled before it began has one line for all its tasks.
      if (each.job != worker.job) continue;
      if (each.index == index) {
        task = &each;
        break;
      }
      if (each.index == "N/A") task = &each;
    }
    if (task == nullptr) {
      vanished(worker);
    } else if (kRunning.contains(task->state)) {
      worker.fate = WorkerFate::Running;
    } else if (kPending.contains(task->state)) {
      worker.fate = WorkerFate::Pending;
    } else {
      ended(worker, *task);
    }
  }

  /// Slurm forgets a job some minutes after its end.
  void vanished(FleetWorker& worker) {
    if (fleet_.stopping()) {
      worker.fate = WorkerFate::Ended;
    } else {
      fleet_.died(worker,
                  fmt::format("Slurm no longer knows its task {}_{}", worker.job, worker.number));
    }
  }

  void ended(FleetWorker& worker, const SlurmTask& task) {
    if (task.state == "COMPLETED") {
      worker.fate = WorkerFate::Ended;
      return;
    }
    if (task.state == "CANCELLED") {
      if (fleet_.stopping()) {
        worker.fate = WorkerFate::Ended;
      } else {
        fleet_.given_up(worker, story(worker, task, "was cancelled by somebody"));
      }
      return;
    }
    if (task.state == "TIMEOUT" || task.state == "PREEMPTED") {
      fleet_.renew(worker);
      return;
    }
    const auto end = how_it_ended(worker);
    if (end && end->exit_code == kWorkerLeft) {
      if (end->at_time_limit) {
        fleet_.renew(worker);
      } else {
        worker.fate = WorkerFate::Ended;
      }
      return;
    }
    std::string how = fmt::format("ended as {} ({})", task.state, task.reason);
    if (end) {
      how += ", " + to_string(ProcessEnd{.exit_code = end->exit_code, .signal = end->signal});
    }
    if (end && end->exit_code == kWorkerMisconfigured) {
      fleet_.given_up(worker, story(worker, task, how));
    } else {
      fleet_.died(worker, story(worker, task, how));
    }
  }

  std::string story(const FleetWorker& worker, const SlurmTask& task, const std::string& how) {
    const std::string node = task.node.empty() ? std::string() : " on " + task.node;
    const std::string log =
        fmt::format("{}/{}_{}.log", options_.log_folder, worker.job, worker.number);
    const std::string end = end_of(log);
    return fmt::format("task {}_{}{} {}{}", worker.job, worker.number, node, how,
                       end.empty() ? std::string() : fmt::format("; {} ends with: {}", log, end));
  }

  std::optional<SlurmEnd> how_it_ended(const FleetWorker& worker) {
    return parse_end(run_command({"scontrol", "show", "job", "-o",
                                  fmt::format("{}_{}", worker.job, worker.number)})
                         .output);
  }

  /// scancel with these options, for all our jobs that may not be over.
  void cancel(const std::vector<std::string>& options) {
    std::set<std::string> live;
    for (const FleetWorker& worker : fleet_.workers()) {
      if (!is_over(worker) && !worker.job.empty()) live.insert(worker.job);
    }
    if (live.empty()) return;
    std::vector<std::string> argv = {"scancel"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), live.begin(), live.end());
    const ProgramResult result = run_command(argv);
    // A job that is over need not be cancelled.
    const bool over = result.errors.find("Invalid job id") != std::string::npos ||
                      result.errors.find("already complet") != std::string::npos;
    if ((result.end.good() || over) && !result.timed_out) return;
    throw Error(fmt::format("the workers could not be stopped: {}; try again with: {}",
                            complaint("scancel", result), how_to_stop()));
  }

  WorkerResources resources_;
  SlurmOptions options_;
  WorkerCommand command_;
  std::vector<std::string> jobs_;  // all that were submitted
  Fleet fleet_;
  Inquiries inquiries_{"Slurm's controller"};
};

}  // namespace

std::unique_ptr<Launcher> slurm_launcher(const WorkerResources& resources, SlurmOptions options) {
  return std::make_unique<SlurmLauncher>(resources, std::move(options));
}

}  // namespace hypertune
