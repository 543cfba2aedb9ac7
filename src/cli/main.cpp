// The program `hypertune`.
#include "cli/app.h"

int main(int argc, char** argv) { return hypertune::run_program(argc, argv); }
