// JSON of Ray's Jobs REST API.
#include "launch/ray_job.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/shell_words.h"
#include "base/text.h"
#include "launch/fleet.h"

namespace hypertune {
namespace {

/// Ray sends SIGTERM and kills what has not left after this; its own default is 3 s.
constexpr int kStopWaitS = 60;

constexpr std::array<std::pair<std::string_view, RayJob::State>, 5> kStates = {
    {{"PENDING", RayJob::State::Pending},
     {"RUNNING", RayJob::State::Running},
     {"SUCCEEDED", RayJob::State::Succeeded},
     {"FAILED", RayJob::State::Failed},
     {"STOPPED", RayJob::State::Stopped}}};

std::optional<Json> object_of(std::string_view body) {
  Json json = Json::parse(body, nullptr, false);
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

/// Ray runs the entrypoint in a shell, which becomes the worker and so gets the signals.
std::string entrypoint_of(const WorkerCommand& command) {
  std::vector<const char*> words;
  for (const std::string& word : command.argv) words.push_back(word.c_str());
  const std::string worker = "exec " + shell_line(words);
  if (command.working_directory.empty()) return worker;
  return fmt::format("cd {} && {}", in_single_quotes(command.working_directory), worker);
}

}  // namespace

Json ray_job_request(const WorkerCommand& command, const WorkerResources& resources,
                     const std::string& submission_id) {
  Json variables = {{"RAY_JOB_STOP_WAIT_TIME_S", std::to_string(kStopWaitS)}};
  for (const auto& [name, value] : command.environment) variables[name] = value;
  Json request = {{"entrypoint", entrypoint_of(command)},
                  {"submission_id", submission_id},
                  {"entrypoint_num_cpus", resources.cpus},
                  {"runtime_env", {{"env_vars", std::move(variables)}}}};
  if (resources.gpus > 0) request["entrypoint_num_gpus"] = resources.gpus;
  if (resources.memory_mb > 0) request["entrypoint_memory"] = resources.memory_mb << 20;
  return request;
}

std::optional<RayJob> parse_ray_job(std::string_view body) {
  const auto json = object_of(body);
  if (!json || !json->contains("status") || !json->at("status").is_string()) return std::nullopt;
  const auto status = json->at("status").get<std::string>();
  for (const auto& [name, state] : kStates) {
    if (name != status) continue;
    RayJob job{.state = state};
    if (const auto code = json->find("driver_exit_code");
        code != json->end() && code->is_number_integer()) {
      job.exit_code = code->get<int>();
    }
    if (const auto message = json->find("message");
        message != json->end() && message->is_string()) {
      job.message = message->get<std::string>();
    }
    return job;
  }
  return std::nullopt;
}

bool is_ray_version(std::string_view body) {
  const auto json = object_of(body);
  return json && json->contains("ray_version");
}

std::string ray_complaint(long status, std::string_view body) {
  const std::string said = last_words(body);
  if (status == 401 || status == 403) {
    return fmt::format("HTTP status {}: it wants a token, or another one: {}", status, said);
  }
  return said.empty() ? fmt::format("HTTP status {}", status)
                      : fmt::format("HTTP status {}: {}", status, said);
}

}  // namespace hypertune
