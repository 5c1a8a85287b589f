/// A data directory opened without inputs, by the rules that it was begun with: what `savepoint
/// make` and `inspect` work on.
#pragma once
#include <memory>
#include <string>

#include "api/node/run_arguments.h"
#include "api/rules/rule_loader.h"
#include "runtime/node/node.h"

namespace tocsin::api {
class OfflineNode {
 public:
  /// Takes the directory, recovers, and stores what effects are still to be stored.
  static Outcome<std::unique_ptr<OfflineNode>> open(const std::string& data);
  /// Only looks: also beside a run that owns the directory, whose journal is read up to now. Also
  /// at a savepoint.
  static Outcome<std::unique_ptr<OfflineNode>> look(const std::string& folder);
  ~OfflineNode();
  OfflineNode(const OfflineNode&) = delete;
  OfflineNode& operator=(const OfflineNode&) = delete;

  runtime::Node& node();
  const cep::Program& program() const;
  bool is_savepoint() const;

 private:
  struct Parts;
  explicit OfflineNode(std::unique_ptr<Parts> parts);
  static Outcome<std::unique_ptr<OfflineNode>> look_once(const std::string& folder);
  std::unique_ptr<Parts> parts_;
};
}  // namespace tocsin::api
