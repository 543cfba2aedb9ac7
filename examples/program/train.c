/* Gradient descent as a trial, in C: train LEARNING_RATE MOMENTUM */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  const char* descriptor = getenv("HYPERTUNE_REPORT_FD");
  if (argc != 3 || descriptor == NULL) {
    fprintf(stderr, "train is run by hypertune, with a learning rate and a momentum\n");
    return 2;
  }
  FILE* reports = fdopen(atoi(descriptor), "w");
  const double rate = atof(argv[1]);
  const double momentum = atof(argv[2]);
  double x = 10;
  double speed = 0;
  for (int step = 1; step <= 20; ++step) {
    speed = momentum * speed - rate * 2 * (x - 3);
    x += speed;
    fprintf(reports, "{\"step\": %d, \"loss\": %.17g}\n", step, (x - 3) * (x - 3));
    fflush(reports);
  }
  fprintf(reports, "{\"result\": {\"loss\": %.17g}}\n", (x - 3) * (x - 3));
  return fclose(reports) == 0 ? 0 : 1;
}
