/// A change of a server's rules that waits for approval, and the file DIR/changes/ID.json that has
/// it.
#pragma once
#include <string>
#include <vector>

#include "api/node/rule_service.h"
#include "api/rest/access.h"
#include "api/rollout/rule_edit.h"
#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct Approval {
  std::string who;  // a token's name
  cep::EventTime at;
  std::string comment;
  std::string by = {};  // TokenGrant::by
};
/// A change that others must approve.
struct WaitingChange {
  std::string id;  // 32 hexadecimal digits: of the edit and of the live rules before and after it
  RuleEdit edit;
  RuleChange change;  // as it was asked for
  cep::EventTime at;
  std::string live_before, live_after;
  std::vector<Approval> approvals;
  Role role = Role::kReader;  // of who asked for it, then
  std::string by = {};        // TokenGrant::by of the same
};
/// What its file holds.
std::string waiting_change_text(const WaitingChange& waiting);
/// Reads it back. Fails with kCorrupt for a damaged text, kOtherVersion for a newer format, naming
/// `path`.
Result<WaitingChange> parse_waiting_change(const std::string& text, const std::string& path);
}  // namespace tocsin::api
