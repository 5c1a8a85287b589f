/// What people made of a server's alerts, as labels of a backtest.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "api/alerts/triage_store.h"
#include "cep/base/result.h"
#include "runtime/archive/archive_format.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
/// A line for each alert that was confirmed (a fraud, of the scenario of its rule) or dismissed (in
/// order), with the ids of its events: what Labels::parse() reads. Of alerts of `times`; nothing:
/// of all. Fails with kLimit for more than `labels_max`; kCorrupt, kIo.
Result<std::string> triage_labels(const runtime::EffectReader& alerts, const TriageStore& triage,
                                  const std::optional<runtime::TimeSpan>& times,
                                  std::size_t labels_max = 1'000'000);
}  // namespace tocsin::api
