/// What a start of a server does with its keys: it reads them, brings secrets under them, and opens
/// what it keeps of requests.
#pragma once
#include <memory>

#include "api/base/configuration.h"
#include "api/custody/audit_watch.h"
#include "api/node/run_arguments.h"
#include "api/outbox/audit_export.h"
#include "api/rest/answer_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/refusal_tally.h"
#include "api/secrets/secret_keys.h"
#include "runtime/checkpoint/checkpoint_witness.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/store/rocks_store.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// Encrypts the secrets of the store with the current key, and tells it; without keys it warns of
/// secrets that are not encrypted. Fails with the exit code of the start.
Outcome<void> seal_server_secrets(runtime::RocksStore& store, const SecretKeys& keys);

/// What is kept of requests: answers by idempotency key, and the audit log.
struct RequestLogs {
  std::unique_ptr<AnswerStore> answers;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<runtime::CheckpointWitness> witness;  // that the audit log gives
  std::unique_ptr<AuditExport> exported;                // null: the audit log is not sent anywhere
  std::unique_ptr<AuditWatch> watch;                    // null: nobody goes through the audit log
  std::unique_ptr<RefusalTally>
      refusals;  // writes at its end, so it ends first; after all requests
};
/// Store and clock must outlive them. Tells of changes that the process before died over. Fails
/// with the exit code of the start.
Outcome<RequestLogs> open_request_logs(runtime::Files& files, const runtime::DataPaths& paths,
                                       runtime::Store& store, runtime::Clock& clock,
                                       const Configuration& configuration, const SecretKeys& keys);
}  // namespace tocsin::api
