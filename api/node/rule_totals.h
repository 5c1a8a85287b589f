/// What each rule remembers over all keys, for those who ask often: it takes a walk through all the
/// state, on the node's thread, which nobody's questions may keep from events.
#pragma once
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "api/node/node_service.h"
#include "cep/engine/key_report.h"

namespace tocsin::api {
/// Counts anew at most once a second, and so seldom that counting takes a twentieth of the node's
/// time at most. Threading: any.
class RuleTotalsReader {
 public:
  explicit RuleTotalsReader(NodeService& node) : node_(node) {}
  /// By the rules' ids, as of now or a moment ago. Fails as NodeService::ask() does.
  Served<std::map<std::string, cep::RuleTotals>> read(std::chrono::milliseconds patience);

 private:
  NodeService& node_;
  std::mutex mutex_;
  std::map<std::string, cep::RuleTotals> totals_;
  std::chrono::steady_clock::time_point count_again_;  // not before
};
}  // namespace tocsin::api
