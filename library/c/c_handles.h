/// What stands behind packs and runs of the C interface; errors and buffers are in c_call.h.
#pragma once
#include <tocsin.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/alert_format.h"
#include "library/c/c_alert_columns.h"
#include "library/c/c_run_options.h"
#include "library/testing/test_programs.h"
#include "rules/context/rules.h"
#include "runtime/pushed/pushed_run.h"

struct tocsin_pack {
  tocsin::cep::Program program;
  tocsin::rules::Loaded loaded;  // whose `rules` are there
  using ByPass = std::shared_ptr<const tocsin::Result<tocsin::cep::Program>>;
  /// The same plan with a table for each key and pass, made when it is first needed.
  ByPass by_pass() const;
  /// What its tests run on, made when it is first needed.
  std::shared_ptr<tocsin::library::TestPrograms> test_programs() const;

  mutable std::atomic<ByPass> made_by_pass = {};
  mutable std::atomic<std::shared_ptr<tocsin::library::TestPrograms>> made_test_programs = {};
};
struct tocsin_run {
  tocsin_run(const tocsin_pack& pack, const tocsin::library::CRunOptions& options);
  std::size_t output_bytes() const;

  std::atomic<bool> is_in_use = false;
  bool is_broken = false;  // an exception left a call half done
  bool is_restoring = false;
  bool is_cut_open = false;
  tocsin::library::CRunOptions options;
  tocsin::cep::Program program;
  tocsin::cep::AlertFormat format;
  std::array<std::string, 3> outputs;           // by TOCSIN_ALERTS, …: lines that were not taken
  tocsin::library::AlertColumns alert_columns;  // in place of the first, where they are asked for
  tocsin::runtime::PushedRun run;
};
