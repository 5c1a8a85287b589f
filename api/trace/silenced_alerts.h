/// Which alerts of a trace a silence kept from being delivered, as the alert store of the data
/// directory has it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api/alerts/silence.h"
#include "api/trace/key_trace.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
/// Notes them in the trace; `silences` are those that are known. Alerts that the store does not
/// have are passed over. Errors: kCorrupt, kIo.
Result<void> note_silenced(const runtime::EffectReader& store,
                           const std::vector<std::shared_ptr<const Silence>>& silences,
                           KeyTrace& trace);
/// The same of a data directory, which a server may be using. Errors: as StoredEffects::open().
Result<void> note_silenced(const std::string& data_directory, const KeyTracer& tracer,
                           KeyTrace& trace);
/// That this failed; with its line end.
std::string silences_missing_text(const Error& error);
}  // namespace tocsin::api
