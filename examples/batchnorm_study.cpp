// The flagship study as C++: does batch normalization keep a convolutional network stable at
// learning rates at which the same network without it collapses?
//
// Usage: batchnorm_study [FOLDER [NUM_SAMPLES [EPOCHS [MAX_SAMPLES [DATASET]]]]]
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "hypertune/hypertune.h"

namespace {

using namespace hypertune;

StudySpec specification() {
  SearchSpace space;
  space.grid("batch_norm", {true, false})
      .add("learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true});
  return {.name = "batchnorm-vs-learning-rate",
          .objectives = {{"val_accuracy", Direction::Maximize}},
          .space = space,
          .seed = 11};
}

Experiment experiment() {
  return {.title = "Batch normalization and the learning rate",
          .hypothesis =
              "Batch normalization keeps a small convolutional network trainable at learning rates "
              "at which the same network without it collapses to chance.",
          .claims = {{.text = "With batch normalization accuracy stays high above 0.01",
                      .estimand = Estimand::Mean,
                      .subject = "val_accuracy",
                      .where = Condition("batch_norm and learning_rate > 0.01"),
                      .expect = Expectation::parse(">= 0.8")},
                     {.text = "Without it most runs collapse above 0.01",
                      .estimand = Estimand::Share,
                      .subject = "collapsed",
                      .where = Condition("not batch_norm and learning_rate > 0.01"),
                      .expect = Expectation::parse("> 0.5")},
                     {.text = "Without it runs begin to collapse above 0.003",
                      .estimand = Estimand::Onset,
                      .subject = "collapsed",
                      .along = "learning_rate",
                      .where = Condition("not batch_norm"),
                      .expect = Expectation::parse("> 0.003")}}};
}

void run(const std::vector<std::string>& arguments) {
  const auto argument = [&](std::size_t index, const std::string& otherwise) {
    return index < arguments.size() ? arguments[index] : otherwise;
  };
  const std::filesystem::path folder = argument(0, "runs/batchnorm-study");
  TrainerOptions options{.dataset = {"gestures", "fashion-mnist"}};
  options.epochs = std::stoll(argument(2, "10"));
  options.max_samples = std::stoll(argument(3, "0"));
  if (arguments.size() > 4) options.dataset = {arguments[4]};

  const StudySpec spec = specification();
  const auto trainer = cnn_trainer(options, spec.seed);  // finds or fetches the data
  std::filesystem::create_directories(folder);
  Study study(spec, sqlite_storage(folder / "study.db"));
  state_experiment(study.storage(), study.id(), experiment());
  record_provenance(study.storage(), study.id(), trainer->provenance(spec.space));

  const int num_samples = std::stoi(argument(1, "10"));
  tune(study, *trainer, {.num_samples = num_samples, .paired = true, .workers = 2});

  for (const Judgement& judgement : write_report(study.storage(), study.id(), folder).judgements) {
    std::cout << to_string(judgement.verdict) << ": " << judgement.claim.text << "\n";
  }
  std::cout << "report: " << (folder / "report.html").string() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << "batchnorm_study: " << e.what() << "\n";
    return 1;
  }
}
