/// Who is shown values of fields that are marked `pii`, and marks for everybody else.
///
/// What is known of rules and marks is a file of the data directory that only its owner may read
/// (sealed_json.h):
///
///   {"key": "43 characters", "first": 1, "marked": ["payment.card"],
///    "types": {"payment": {"card": ["payment.card"]}},
///    "rules": {"probe": {"key": {"card": […]}, "fields": {…}, "message": […], "score": […]}}, …}
///
/// `key` makes marks; `first` is the number of the first alert that was raised since the file was
/// begun. Of earlier alerts it is not known which rules raised them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/base/configuration.h"
#include "api/privacy/field_sources.h"
#include "api/rest/route.h"
#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/effects/effects.h"
#include "runtime/store/store.h"

namespace tocsin::api {
inline constexpr const char* kPrivacyFile = "privacy.json";  // in the data directory
struct PrivacyOptions {
  std::set<Role> roles = {Role::kAnalyst, Role::kAuthor, Role::kOperator, Role::kAdmin};
  FieldNames released = {};  // fields that count as not marked
};
/// The settings `privacy.…`. Errors: kInvalidArgument, naming the setting.
Result<PrivacyOptions> privacy_options(const Configuration& configuration);

/// Threading: any.
class Privacy {
 public:
  /// Reads what is kept in a data directory, or begins it; `effects` has the alerts so far. Errors:
  /// kCorrupt and kOtherVersion, naming the file and the remedy; kIo.
  static Result<std::unique_ptr<Privacy>> open(const std::string& folder, PrivacyOptions options,
                                               const runtime::StoreReader& effects);
  /// Takes in rules, before they raise alerts. It is on disk when this returns. Errors: kIo.
  Result<void> learn(const cep::Plan& plan);
  /// The same for rules that run without a server, in a data directory that one has used; nothing
  /// is done in another.
  static Result<void> learn_in(const std::string& folder, const runtime::StoreReader& effects,
                               const cep::Plan& plan);

  /// Whether somebody is shown everything: by the scope of their token, else by their role.
  bool sees(const TokenGrant& grant) const;
  /// Whether somebody is shown marks: a field is marked, and they do not see such fields.
  bool masks(const TokenGrant& grant) const { return has_marks() && !sees(grant); }
  bool has_marks() const;
  /// Whether a rule with this id has run here.
  bool has_rule(std::string_view id) const;
  /// The line of an alert as somebody is shown it who does not see such fields.
  std::string masked(const runtime::StoredAlert& alert) const;
  /// The same of one that was raised since the server began.
  std::string masked_line(std::string_view line) const;
  /// What masks alerts of rules that are only tried, with what is known beside them.
  std::function<std::string(std::string_view)> masker_of(
      const std::vector<const cep::Plan*>& plans) const;
  /// What alerts share, `{"card":"c1"}`, if these rules raised them; no rules: any.
  std::string masked_subject(std::string_view subject, const std::vector<std::string>& rules) const;
  /// Whether a value that is made of these fields is one that marks stand for.
  bool is_personal(const FieldNames& made_of) const;
  /// What stands for a value that is given as JSON: a JSON string, the same for the same value.
  std::string mark(std::string_view json) const;
  /// Notes for the audit log that a request was shown what is marked, if it was.
  void note_read(ApiRequest& request) const;

 private:
  struct Known {
    FieldSources sources;
    FieldNames personal;  // marked and not released
  };
  Privacy(std::string path, PrivacyOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}
  std::shared_ptr<const Known> known() const;
  std::shared_ptr<const Known> with(FieldSources sources) const;
  Result<void> save(const FieldSources& sources) const;

  const std::string path_;
  const PrivacyOptions options_;
  std::string key_text_;
  SecretBytes key_{};
  std::uint64_t first_ = 1;
  std::mutex changing_;  // held by one change at a time
  mutable std::mutex mutex_;
  std::shared_ptr<const Known> known_;
};
/// Opens what a data directory keeps, for a server that begins with these rules. Errors: those of
/// privacy_options(), Privacy::open() and learn().
Result<std::unique_ptr<Privacy>> open_privacy(const Configuration& configuration,
                                              const std::string& folder,
                                              const runtime::StoreReader& effects,
                                              const cep::Plan& plan);
}  // namespace tocsin::api
