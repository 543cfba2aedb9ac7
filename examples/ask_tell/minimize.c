// Works on a study from C: asks for trials, reports their steps, tells their results.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trial {
  int number, lease;
  double x, rate;
  char kind[16];
};

static double loss_at(const struct trial* trial, int step) {
  const double steepness = strcmp(trial->kind, "steep") == 0 ? 2 : 1;
  return steepness * (trial->x - 2) * (trial->x - 2) + exp(-trial->rate * step);
}

// 1 when there is a trial, 0 when there is none.
static int ask(const char* study, struct trial* trial) {
  char line[4096];
  snprintf(line, sizeof line, "hypertune ask '%s'", study);
  FILE* asked = popen(line, "r");
  while (asked != NULL && fgets(line, sizeof line, asked) != NULL) {
    sscanf(line, "trial %d", &trial->number);
    sscanf(line, "lease %d", &trial->lease);
    sscanf(line, "param x %lf", &trial->x);
    sscanf(line, "param rate %lf", &trial->rate);
    sscanf(line, "param kind %15s", trial->kind);
  }
  return asked != NULL && pclose(asked) == 0;
}

// Tells the result of a step, or the last one for step 0. 1 when the trial goes on.
static int tell(const char* study, const struct trial* trial, int step, double loss) {
  char line[4096], option[32] = "";
  if (step > 0) snprintf(option, sizeof option, "--step %d ", step);
  snprintf(line, sizeof line, "hypertune tell '%s' %d --lease %d %sloss=%.17g", study,
           trial->number, trial->lease, option, loss);
  FILE* told = popen(line, "r");
  char answer[64] = "";
  if (told != NULL && fgets(answer, sizeof answer, told) == NULL) answer[0] = '\0';
  return told != NULL && pclose(told) == 0 && strcmp(answer, "continue\n") == 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  struct trial trial = {0};
  while (ask(argv[1], &trial)) {
    int goes_on = 1;
    for (int step = 1; step <= 3 && goes_on; ++step) {
      goes_on = tell(argv[1], &trial, step, loss_at(&trial, step));
    }
    if (goes_on) tell(argv[1], &trial, 0, loss_at(&trial, 3));
  }
  return 0;
}
