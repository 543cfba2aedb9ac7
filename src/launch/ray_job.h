// What is said to Ray's Jobs REST API, and what it answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "launch/launcher.h"

namespace hypertune {

/// A job as Ray tells of it.
struct RayJob {
  enum class State { Pending, Running, Succeeded, Failed, Stopped };
  State state = State::Pending;
  std::optional<int> exit_code = {};  ///< negative: the signal that ended it
  std::string message = {};           ///< of a failed one, with the end of what it printed
};

/// The body of POST /api/jobs/ for one worker. Its environment is in the body, where those who may
/// see the cluster's jobs can read it.
Json ray_job_request(const WorkerCommand& command, const WorkerResources& resources,
                     const std::string& submission_id);

/// The body of GET /api/jobs/ID; nothing when it is something else.
std::optional<RayJob> parse_ray_job(std::string_view body);

/// Whether this is the body of GET /api/version of a Ray head.
bool is_ray_version(std::string_view body);

/// An answer that is none of those, for people: its status and the end of its body, shortened.
std::string ray_complaint(long status, std::string_view body);

}  // namespace hypertune
