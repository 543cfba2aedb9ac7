// Exceptions thrown by hypertune.
#pragma once

#include <stdexcept>
#include <string>

namespace hypertune {

/// Base of every exception that the library throws on purpose. The message says what went wrong,
/// where, and how to mend it. Programming mistakes abort through an assertion instead.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A study file, an option or a search space is not valid.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// The store cannot be read or written: missing, locked, full, foreign or damaged.
class StorageError : public Error {
 public:
  using Error::Error;
};

/// A write came from a worker whose lease on the trial was taken over. The trial is somebody
/// else's.
class LeaseLost : public StorageError {
 public:
  using StorageError::StorageError;
};

/// A study of this name exists in the store, with another space, seed or objectives.
class StudyMismatch : public Error {
 public:
  using Error::Error;
};

/// One parameter name was used with two different domains, or a value lies outside its domain.
class ParameterConflict : public Error {
 public:
  using Error::Error;
};

/// A finished trial was told, reported or changed again.
class TrialFinished : public Error {
 public:
  using Error::Error;
};

/// A data set cannot be found, downloaded, verified or parsed.
class DataError : public Error {
 public:
  using Error::Error;
};

}  // namespace hypertune
