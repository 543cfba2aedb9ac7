// Names of workers, from which others on the same machine can tell whether they still live.
#pragma once

#include <string>
#include <string_view>

namespace hypertune {

/// `host:pid:start-time:index` for a worker thread of this process. The start time tells a process
/// from a later one with the same number.
std::string worker_id(int index);

/// Whether the worker ran on this machine, since its last boot, and its process is gone. False when
/// that cannot be known.
bool worker_is_dead(std::string_view id);

}  // namespace hypertune
