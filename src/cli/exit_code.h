// How the program ends.
#pragma once

namespace hypertune {

constexpr int kDone = 0;
constexpr int kRunFailed = 1;  ///< the store failed in the run, or no trial gave a result
constexpr int kUsage = 2;      ///< wrong arguments, study file, data set or database; nothing begun
constexpr int kNothingToDo = 3;    ///< `hypertune ask`: there is no trial
constexpr int kStopped = 3;        ///< `hypertune report` in a trial: it is to end
constexpr int kInterrupted = 130;  ///< by Ctrl-C or SIGTERM

}  // namespace hypertune
