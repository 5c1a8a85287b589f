/// Measures the engine that runs, for a request or for figures.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <tl/expected.hpp>

#include "api/node/node_service.h"
#include "cep/engine/engine.h"

namespace tocsin::api {
struct MeasuredEngine {
  cep::Program program;  // whose rules the profile is by
  cep::EngineProfile profile;
  double seconds = 0;
};
struct NotMeasured {
  enum class Why : std::uint8_t {
    kBusy,        // another measurement is under way, or a request had to have its turn
    kOtherRules,  // rules were activated meanwhile
    kNode,        // `refusal` says why
  };
  Why why = Why::kBusy;
  Refusal refusal = {};
};
/// One measurement at a time; one of a request ends one that nobody waits for. Threading: any.
class RuleProfiler {
 public:
  /// Both outlive it. Measurements end soon once the server closes.
  RuleProfiler(NodeService& node, const std::atomic<bool>& is_closing)
      : node_(node), is_closing_(is_closing) {}
  RuleProfiler(const RuleProfiler&) = delete;
  RuleProfiler& operator=(const RuleProfiler&) = delete;
  /// For a request.
  tl::expected<MeasuredEngine, NotMeasured> measure(std::chrono::milliseconds time);
  /// For figures: it gives way to a request.
  tl::expected<MeasuredEngine, NotMeasured> measure_for_figures(std::chrono::milliseconds time);

 private:
  using Moment = std::chrono::steady_clock::time_point;
  tl::expected<MeasuredEngine, NotMeasured> run(std::chrono::milliseconds time, bool gives_way);
  std::optional<NotMeasured> wait_until(Moment until, bool gives_way) const;

  NodeService& node_;
  const std::atomic<bool>& is_closing_;
  std::mutex asking_;  // held by the one request that measures, or is about to
  std::atomic<bool> is_asked_{false};
  std::mutex engine_;  // held while the engine is measured
};
}  // namespace tocsin::api
