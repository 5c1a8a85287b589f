#include "api/server/server_keys.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/custody/audit_witnesses.h"
#include "api/outbox/sealed_subscriptions.h"
#include "api/server/serve_settings.h"
#include "api/server/server_messages.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
Outcome<void> seal_server_secrets(runtime::RocksStore& store, const SecretKeys& keys) {
  if (keys.empty()) {
    const auto used = keys_of_subscriptions(store);
    if (!used) return stop(exit_code_of_named(used.error().code), used.error().message);
    for (const auto& [id, count] : *used) {
      if (id.empty()) continue;
      const std::string what =
          fmt::format("the secret of {} is encrypted", rules::format_count(count, "subscription"));
      return stop(ExitCode::kDataDirectory, missing_key_text(what, id, keys));
    }
    const auto plain = used->find("");
    if (plain == used->end()) return {};
    tell(
        fmt::format("tocsin: the secrets of {} are stored without encryption: name a key "
                    "(secrets.key_file; `tocsin secrets key FILE` makes one)\n",
                    rules::format_count(plain->second, "subscription")));
    return {};
  }
  const auto sealed = seal_subscriptions(
      store, [&](runtime::StoreFamily family) { return store.rewrite(family); }, keys,
      UnreadableSecrets::kRefuse);
  if (!sealed) return stop(exit_code_of_named(sealed.error().code), sealed.error().message);
  if (sealed->sealed > 0) {
    tell(fmt::format("tocsin: encrypted the secrets of {} with the key {}\n",
                     rules::format_count(sealed->sealed, "subscription"), keys.current().id()));
  }
  return {};
}

Outcome<RequestLogs> open_request_logs(runtime::Files& files, const runtime::DataPaths& paths,
                                       runtime::Store& store, runtime::Clock& clock,
                                       const Configuration& configuration, const SecretKeys& keys) {
  RequestLogs logs;
  Result<std::unique_ptr<AnswerStore>> answers =
      AnswerStore::open(store, clock, answer_limits(configuration));
  if (!answers) return stop(exit_code_of_named(answers.error().code), answers.error().message);
  logs.answers = *std::move(answers);
  auto witness = newest_audit_witness(files, paths);
  if (!witness) return stop(exit_code_of_named(witness.error().code), witness.error().message);
  Result<std::unique_ptr<AuditLog>> audit =
      AuditLog::open(store, clock, {audit_limits(configuration), keys, *std::move(witness)});
  if (!audit) return stop(exit_code_of_named(audit.error().code), audit.error().message);
  logs.audit = *std::move(audit);
  logs.witness = std::make_unique<runtime::CheckpointWitness>(
      [log = logs.audit.get()](std::uint64_t position) { return log->witness(position); });
  if (const std::uint64_t before = logs.audit->unsigned_before(); before > 0) {
    tell(
        fmt::format("tocsin: the audit log had no signatures: it is signed from here on, and {} {} "
                    "before stay unsigned; if it was signed before, somebody removed that\n",
                    rules::format_count(before), before == 1 ? "entry" : "entries"));
  }
  if (const std::uint64_t recovered = logs.audit->recovered(); recovered > 0) {
    tell(
        fmt::format("tocsin: {} when the process ended last: the audit log has {} with the result "
                    "unknown\n",
                    recovered == 1 ? "a change was under way"
                                   : fmt::format("{} changes were under way", recovered),
                    recovered == 1 ? "it" : "them"));
  }
  const std::string& syslog = configuration.text("audit.syslog");
  if (!syslog.empty()) {
    Result<SyslogTarget> target = parse_syslog_target(syslog);
    if (!target) return stop(ExitCode::kUsage, target.error().message);
    logs.exported = AuditExport::start(
        store, *logs.audit, *std::move(target),
        [](const std::string& text) { tell(fmt::format("tocsin: {}\n", text)); });
    logs.audit->set_listener([sender = logs.exported.get()] { sender->wake(); });
  }
  if (const auto every = configuration.duration_limit("audit.check_every"))
    logs.watch = std::make_unique<AuditWatch>(store, keys, *every, tell_audit);
  logs.refusals = std::make_unique<RefusalTally>(*logs.audit, clock, refusal_limits(configuration));
  logs.refusals->start();
  return logs;
}
}  // namespace tocsin::api
