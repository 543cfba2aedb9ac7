// Workers as jobs of a Ray cluster, through its Jobs REST API.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "base/json.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/worker_id.h"
#include "hypertune/error.h"
#include "launch/fleet.h"
#include "launch/http_client.h"
#include "launch/inquiries.h"
#include "launch/launcher.h"
#include "launch/ray_job.h"

namespace hypertune {
namespace {

/// The beginning of the names of a launcher's jobs, which no other launcher has.
std::string unique_prefix() {
  static std::atomic<int> launchers = 0;
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return "hypertune-" +
         sha256(fmt::format("{} {} {}", worker_id(0), ++launchers, now)).substr(0, 12);
}

bool good(const HttpReply& response) { return response.status / 100 == 2; }

class RayLauncher final : public Launcher {
 public:
  RayLauncher(const WorkerResources& resources, RayOptions options)
      : resources_(resources),
        http_(options.address, std::move(options.token)),
        inquiries_("the Ray head at " + http_.address()) {
    if (resources.time_limit.count() > 0) {
      throw ConfigError(
          "launcher.time_limit: Ray has no time limit for jobs: leave it out, and say in [stop] "
          "time_s for how long the study may run");
    }
  }

  void start(const WorkerCommand& command, int workers) override {
    command_ = command;
    demand_ray();
    fleet_.resize(workers);
    for (FleetWorker& worker : fleet_.workers()) {
      try {
        submit(worker);
      } catch (const Error&) {
        withdraw();
        throw;
      }
    }
  }

  WorkerCounts poll() override {
    if (inquiries_.due()) ask();
    WorkerCounts counts = fleet_.counts();
    counts.trouble = inquiries_.trouble();
    return counts;
  }

  void stop() override {
    fleet_.stop();
    for (const std::string& job : live_jobs()) {
      const HttpReply response = http_.post(path_of(job) + "/stop", "{}");
      if (good(response) || response.status == 404) continue;
      throw Error(fmt::format("the job {} could not be stopped: {}; try again with: {}", job,
                              complaint(response), how_to_stop()));
    }
  }

  // Ray has no harder way: what does not leave in time it kills by itself.
  void kill() override { stop(); }

  std::string how_to_stop() const override {
    return fmt::format("for job in {}; do ray job stop --address {} \"$job\"; done",
                       join(live_jobs(), " "), http_.address());
  }

 private:
  static std::string path_of(const std::string& job) { return "/api/jobs/" + job; }

  std::string complaint(const HttpReply& response) const {
    return ray_complaint(response.status, response.body);
  }

  std::vector<std::string> live_jobs() const {
    std::vector<std::string> jobs;
    for (const FleetWorker& worker : fleet_.workers()) {
      if (!is_over(worker) && !worker.job.empty() && !worker.wants_start) {
        jobs.push_back(worker.job);
      }
    }
    return jobs;
  }

  void demand_ray() {
    const HttpReply response = http_.get("/api/version");
    if (good(response) && is_ray_version(response.body)) return;
    throw Error(fmt::format(
        "launcher ray: {} does not answer as the head of a Ray cluster: {}; give the address of "
        "its dashboard, and its token in RAY_AUTH_TOKEN where it wants one",
        http_.address(), complaint(response)));
  }

  void submit(FleetWorker& worker) {
    const std::string job = fmt::format("{}-{}-{}", prefix_, worker.number, ++submissions_);
    const std::string request = dump_json(ray_job_request(command_, resources_, job));
    std::string fault;
    try {
      const HttpReply response = http_.post("/api/jobs/", request);
      if (!good(response)) fault = complaint(response);
    } catch (const Error& error) {
      fault = error.what();
    }
    // A request whose answer was lost may have been carried out.
    if (!fault.empty() && !is_known(job)) {
      throw Error("Ray refused the job of a worker: " + fault);
    }
    fleet_.submitted(worker, job);
  }

  bool is_known(const std::string& job) {
    try {
      return good(http_.get(path_of(job)));
    } catch (const Error&) {
      return false;
    }
  }

  /// Takes back what was submitted; the failure that led to it is what is told.
  void withdraw() {
    try {
      stop();
    } catch (const Error&) {
    }
  }

  void ask() {
    try {
      for (FleetWorker& worker : fleet_.workers()) {
        if (is_over(worker)) continue;
        if (!worker.wants_start) update(worker);
        if (worker.wants_start) submit(worker);
      }
    } catch (const Error& error) {
      inquiries_.failed(error.what());
      return;
    }
    inquiries_.answered();
  }

  void update(FleetWorker& worker) {
    const HttpReply response = http_.get(path_of(worker.job));
    if (response.status == 404) {
      forgotten(worker);
      return;
    }
    const auto job = good(response) ? parse_ray_job(response.body) : std::nullopt;
    if (!job) throw Error(complaint(response));
    switch (job->state) {
      case RayJob::State::Pending:
        worker.fate = WorkerFate::Pending;
        break;
      case RayJob::State::Running:
        worker.fate = WorkerFate::Running;
        break;
      case RayJob::State::Succeeded:
        worker.fate = WorkerFate::Ended;
        break;
      case RayJob::State::Stopped:
        if (fleet_.stopping()) {
          worker.fate = WorkerFate::Ended;
        } else {
          fleet_.given_up(worker, fmt::format("job {} was stopped by somebody", worker.job));
        }
        break;
      case RayJob::State::Failed:
        failed(worker, *job);
        break;
    }
  }

  /// A head that was started again has lost its jobs.
  void forgotten(FleetWorker& worker) {
    if (fleet_.stopping()) {
      worker.fate = WorkerFate::Ended;
    } else {
      fleet_.died(worker, fmt::format("the Ray head no longer knows its job {}: it was started "
                                      "again",
                                      worker.job));
    }
  }

  void failed(FleetWorker& worker, const RayJob& job) {
    const int code = job.exit_code.value_or(0);
    const ProcessEnd end = code < 0 ? ProcessEnd{.signal = -code} : ProcessEnd{.exit_code = code};
    const std::string why =
        fmt::format("job {} failed{}: {}", worker.job,
                    job.exit_code ? " with " + to_string(end) : "", last_words(job.message));
    if (job.exit_code == kWorkerLeft || fleet_.stopping()) {
      worker.fate = WorkerFate::Ended;
    } else if (job.exit_code == kWorkerMisconfigured) {
      fleet_.given_up(worker, why);
    } else {
      fleet_.died(worker, why);
    }
  }

  WorkerResources resources_;
  HttpClient http_;
  WorkerCommand command_;
  std::string prefix_ = unique_prefix();
  int submissions_ = 0;
  Fleet fleet_;
  Inquiries inquiries_;
};

}  // namespace

std::unique_ptr<Launcher> ray_launcher(const WorkerResources& resources, RayOptions options) {
  return std::make_unique<RayLauncher>(resources, std::move(options));
}

}  // namespace hypertune
