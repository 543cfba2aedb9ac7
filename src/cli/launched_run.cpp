// A run whose trials are run by worker processes, here or on other machines.
#include "cli/launched_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/stored_study.h"
#include "hypertune/error.h"

extern char** environ;

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr std::chrono::milliseconds kPollPause{250};
constexpr std::chrono::milliseconds kLookPause{1000};  // at the workers, and for lost ones
constexpr std::chrono::seconds kTimeToLeave{10};       // when nothing is left to do
constexpr std::string_view kStoppedKey = "hypertune:stopped";
constexpr const char* kWorkersFolder = "workers";
constexpr const char* kQuestion =
    "\nInterrupted. Leave the workers running (l), stop them (s), or continue (c)? ";

std::unique_ptr<Launcher> make_launcher(const LauncherChoice& choice, const fs::path& folder) {
  const WorkerResources resources{.cpus = choice.cpus,
                                  .gpus = choice.gpus,
                                  .memory_mb = choice.memory_mb,
                                  .time_limit = choice.time_limit};
  const std::string logs = (fs::absolute(folder) / kWorkersFolder).lexically_normal().string();
  if (choice.name == "slurm") {
    return slurm_launcher(resources, {.partition = choice.partition,
                                      .account = choice.account,
                                      .extra = choice.extra,
                                      .log_folder = logs});
  }
  if (choice.name == "ray") {
    const char* token = std::getenv("RAY_AUTH_TOKEN");
    return ray_launcher(resources,
                        {.address = choice.address, .token = token == nullptr ? "" : token});
  }
  return local_launcher(resources, logs);
}

/// What says where stores and data are, and who we are to them.
std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    if (!text.starts_with("HYPERTUNE_") && !text.starts_with("PG")) continue;
    variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return variables;
}

}  // namespace

std::string launcher_obstacle(const LauncherChoice& choice, const RunPlace& place) {
  if (choice.name.empty() || choice.name == "local" || !sqlite_file(place.url())) return {};
  return fmt::format(
      "it starts workers on other machines, which cannot share the SQLite database {}; use "
      "PostgreSQL: --storage postgresql://USER@HOST/DATABASE",
      place.url());
}

void check_launcher(const LauncherChoice& choice, const RunPlace& place) {
  const std::string obstacle = launcher_obstacle(choice, place);
  if (!obstacle.empty()) throw ConfigError(fmt::format("launcher {}: {}", choice.name, obstacle));
}

LaunchedRun::LaunchedRun(Study& study, const StudyFile& file, const RunPlace& place)
    : study_(study),
      file_(file),
      place_(place),
      launcher_(make_launcher(file.launcher, place.folder)),
      follower_(study.storage(), study.id(), file.tune.max_attempts) {}

WorkerCommand LaunchedRun::worker_command() const {
  WorkerCommand command;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Error("cannot find the program itself: " + error.message());
  command.argv = {program.string(), "worker",
                  "--study",        file_.spec.name,
                  "--out",          fs::absolute(place_.folder).lexically_normal().string()};
  command.environment = own_environment();
  const auto file = sqlite_file(place_.url());
  command.environment[kStorageVariable] =
      file ? fs::absolute(*file).lexically_normal().string() : place_.url();
  command.working_directory = fs::current_path().string();
  return command;
}

void LaunchedRun::start() {
  recover(study_, file_.tune.max_attempts);
  follower_.poll([](const Event&) {});
  const int missing = file_.tune.workers - follower_.processes();
  const TrialCounts counts = study_.storage().counts(study_.id());
  if (missing > 0 && counts.waiting + counts.paused > 0) start(missing);
}

void LaunchedRun::start(int workers) {
  const auto attributes = study_.storage().attributes(study_.id());
  if (attributes.contains(kStoppedKey)) {
    study_.storage().set_attribute(study_.id(), kStoppedKey, "null");
  }
  launcher_->start(worker_command(), workers);
  started_ = true;
}

std::string LaunchedRun::how_to_stop() const {
  return started_ ? launcher_->how_to_stop() : std::string();
}

LaunchedRun::End LaunchedRun::follow(Progress& progress, bool asks) {
  for (;;) {
    stops_again_ = 0;
    const Interrupts interrupts({.on_stop = [] {},
                                 .on_again = [this] { ++stops_again_; },
                                 .on_resize = [&] { progress.resize(); },
                                 .on_suspend = [&] { progress.hide(); },
                                 .on_resume = [&] { progress.show(); }});
    progress.show();  // from here on an interruption asks, and does not end the program
    if (watch(progress, interrupts.token())) {
      see_workers_off(progress);
      return End::Done;
    }
    const bool is_asked = asks && interrupts.signal() == SIGINT;
    const Answer answer = is_asked ? ask(progress) : Answer::Stop;
    if (answer == Answer::Leave) return End::Left;
    if (answer == Answer::Continue) continue;
    stop_workers(progress);
    return End::Stopped;
  }
}

/// False when a stop was requested.
bool LaunchedRun::watch(Progress& progress, const std::stop_token& stop) {
  std::mutex mutex;  // guards nothing: the wait ends by time, or by the stop
  std::condition_variable_any wake;
  auto next_look = Clock::now();
  while (!stop.stop_requested()) {
    poll(progress);
    if (Clock::now() >= next_look) {
      look(progress);
      if (is_over(progress)) return true;
      next_look = Clock::now() + kLookPause;
    }
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kPollPause, [] { return false; });
  }
  return false;
}

void LaunchedRun::poll(Progress& progress) {
  follower_.poll([&](const Event& event) { progress.on_event(event); });
}

void LaunchedRun::look(Progress& progress) {
  if (started_) {
    const bool was_well = counts_.trouble.empty();
    counts_ = launcher_->poll();
    if (was_well && !counts_.trouble.empty()) progress.notice(counts_.trouble);
  }
  recover(study_, file_.tune.max_attempts);
  poll(progress);
}

bool LaunchedRun::is_over(Progress& progress) {
  const TrialCounts trials = study_.storage().counts(study_.id());
  if (follower_.running() > 0) return false;
  // Workers look themselves which paused trial goes on, and end the others.
  if (counts_.pending + counts_.running > 0) return trials.waiting + trials.paused == 0;
  if (trials.waiting == 0) {
    study_.end_paused();
    poll(progress);
    return true;
  }
  if (!stopped().empty()) return true;
  if (!started_) {  // those of an earlier run have gone
    start(file_.tune.workers);
    return false;
  }
  throw Error(fmt::format(
      "all workers are gone, and {} still: {}",
      trials.waiting == 1 ? "1 trial waits" : fmt::format("{} trials wait", trials.waiting),
      counts_.last_failure.empty() ? "they were asked to leave" : counts_.last_failure));
}

LaunchedRun::Answer LaunchedRun::ask(Progress& progress) {
  progress.hide();
  print_notice(kQuestion);
  std::string line;
  while (stops_again_ == 0) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, static_cast<int>(kPollPause.count())) <= 0) continue;
    char c = '\n';
    if (::read(STDIN_FILENO, &c, 1) <= 0) {
      line = "c";  // nobody answers
      c = '\n';
    }
    if (c != '\n') {
      line += c;
      continue;
    }
    const std::string answer(trim(line));
    if (answer == "l") return Answer::Leave;
    if (answer == "s") break;
    if (answer == "c") return Answer::Continue;
    print_notice(kQuestion + 1);
    line.clear();
  }
  stops_again_ = 0;
  progress.show();
  return Answer::Stop;
}

/// Whether all workers have left by then. `breaks_off`: waits no longer after one more signal.
bool LaunchedRun::wait_for_workers(Progress& progress, Clock::time_point until, bool breaks_off) {
  std::mutex mutex;  // guards nothing: the wait ends by time
  std::condition_variable wake;
  while (started_) {
    counts_ = launcher_->poll();
    poll(progress);
    if (counts_.pending + counts_.running == 0) break;
    if (Clock::now() >= until || (breaks_off && stops_again_ > 0)) return false;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, kPollPause);
  }
  return true;
}

void LaunchedRun::stop_workers(Progress& progress) {
  if (started_) {
    progress.notice("Stopping the workers when their running epochs end. Ctrl-C again: at once.");
    launcher_->stop();
    if (!wait_for_workers(progress, Clock::time_point::max(), true)) {
      launcher_->kill();
      wait_for_workers(progress, Clock::now() + kTimeToLeave, false);
    }
  }
  recover(study_, file_.tune.max_attempts);
  poll(progress);
}

/// They leave by themselves when nothing is left to do.
void LaunchedRun::see_workers_off(Progress& progress) {
  if (wait_for_workers(progress, Clock::now() + kTimeToLeave, true)) return;
  launcher_->stop();
  if (wait_for_workers(progress, Clock::now() + kTimeToLeave, true)) return;
  launcher_->kill();
}

std::string LaunchedRun::stopped() const {
  const TrialCounts counts = study_.storage().counts(study_.id());
  if (counts.waiting + counts.paused == 0) return study_.stopped().value_or("");
  const auto attributes = study_.storage().attributes(study_.id());
  const auto noted = attributes.find(kStoppedKey);
  const Json json = noted == attributes.end() ? Json() : parse_json(noted->second);
  return json.is_string() ? json.get<std::string>() : "";
}

}  // namespace hypertune
