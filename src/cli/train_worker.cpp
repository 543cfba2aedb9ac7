// `hypertune train-worker`: the process that the program starts to train in.
#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "hypertune/error.h"
#include "train/training_process.h"

namespace hypertune {

int run_train_worker() {
  for (const int pipe : {kTrainingRequests, kTrainingAnswers}) {
    struct stat found {};
    if (::fstat(pipe, &found) != 0 || !S_ISFIFO(found.st_mode)) {
      throw ConfigError(
          fmt::format("{} is what hypertune starts by itself, with pipes, for studies with "
                      "[trainer] isolation = \"process\"; use hypertune run",
                      kTrainWorker));
    }
  }
  serve_trainings();
  return kDone;
}

}  // namespace hypertune
