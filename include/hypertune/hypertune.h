// The whole public interface. Read in this order for a tour of ten minutes: value, domain, space,
// trial, study, tune; then sampler, scheduler, storage, claim, report, trainer.
#pragma once

#include "hypertune/claim.h"
#include "hypertune/command.h"
#include "hypertune/condition.h"
#include "hypertune/domain.h"
#include "hypertune/error.h"
#include "hypertune/history.h"
#include "hypertune/report.h"
#include "hypertune/rng.h"
#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/space.h"
#include "hypertune/storage.h"
#include "hypertune/study.h"
#include "hypertune/trainer.h"
#include "hypertune/trial.h"
#include "hypertune/tune.h"
#include "hypertune/value.h"
