/// The language server: one message after the other, by version 3.17 of the Language Server
/// Protocol (https://microsoft.github.io/language-server-protocol/). An unknown request is answered
/// with -32601, a request before `initialize` with -32002, one after `shutdown` with -32600; a
/// request that was cancelled while it waited with -32800.
#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "api/base/exit_code.h"
#include "api/lsp/message_stream.h"
#include "api/lsp/open_documents.h"
#include "api/lsp/rule_workspace.h"
#include "api/lsp/test_outcomes.h"
#include "library/language/text_lines.h"
#include "library/testing/judge_tests.h"

namespace tocsin::api {
/// Not for several threads.
class LspServer {
 public:
  /// How long an editor has to be quiet before a changed set is checked.
  static constexpr std::chrono::milliseconds kQuiet{100};

  explicit LspServer(MessageStream& stream) : stream_(stream), workspace_(documents_) {}
  /// Serves until `exit`, the end of the input or of the program that started it. kSuccess after
  /// `shutdown`, else kCheckFailed, as the protocol asks.
  ExitCode run();

 private:
  using Json = nlohmann::json;
  /// An answer that is an error.
  struct Refused {
    int code;
    std::string message;
  };
  static constexpr int kInvalidParams = -32602;
  static constexpr int kRequestFailed = -32803;
  /// One that an editor runs, if its `initializationOptions` have it among their `commands`.
  static constexpr const char* kBacktestCommand = "tocsin.backtest";
  enum class Life { kNew, kRunning, kShutDown };

  void receive();
  bool parent_is_gone() const;
  void handle(const Json& message);
  void notify(const std::string& method, const Json& parameters);
  Json answer(const std::string& method, const Json& parameters);
  void answer_request(const Json& message);
  bool was_cancelled(const Json& id);
  void send(Json message);
  void show(const std::string& text, bool is_error);

  Json initialize(const Json& parameters);
  void change_folders(const Json& parameters);
  void change_document(const Json& parameters);
  void forget_document(const std::string& path);
  void publish_stale();
  void publish(const std::string& set);

  /// What a request with `textDocument` is about.
  struct At {
    const library::CheckedPack& pack;
    std::uint32_t file;
    std::uint32_t byte;  // of `position`, where there is one
  };
  At at(const Json& parameters);
  Json hover(const Json& parameters);
  Json definition(const Json& parameters);
  Json references(const Json& parameters);
  Json highlights(const Json& parameters);
  Json prepare_rename(const Json& parameters);
  Json rename(const Json& parameters);
  Json completion(const Json& parameters);
  Json signature(const Json& parameters);
  Json document_symbols(const Json& parameters);
  Json workspace_symbols(const Json& parameters);
  Json folding(const Json& parameters);
  Json selections(const Json& parameters);
  Json format(const Json& parameters);
  Json code_actions(const Json& parameters);
  Json code_lenses(const Json& parameters);
  Json inlay_hints(const Json& parameters);
  Json pull_diagnostics(const Json& parameters);
  Json token_data(const Json& parameters);
  Json tokens(const Json& parameters);
  Json tokens_delta(const Json& parameters);
  Json execute(const Json& parameters);
  Json explain(const Json& parameters);
  Json run_tests(const Json& parameters);

  MessageStream& stream_;
  OpenDocuments documents_;
  RuleWorkspace workspace_;
  library::CharacterUnit unit_ = library::CharacterUnit::kUtf16;
  TestOutcomes outcomes_;
  library::PassedTests passed_;
  bool takes_offsets_ = false;      // for a parameter of a signature, beside its text
  bool asks_lenses_again_ = false;  // when it is told to
  bool runs_backtests_ = false;     // by a command of its own
  Life life_ = Life::kNew;
  bool over_ = false;
  bool failed_ = false;
  long parent_ = 0;  // 0: not known
  std::vector<std::string> folders_;
  std::deque<Json> waiting_;
  std::set<std::string> stale_;                   // sets to be checked when it is quiet
  std::set<std::string> published_;               // URIs that have diagnostics
  std::map<std::string, Json> sent_tokens_;       // by URI: the last answer's data
  std::map<std::string, std::string> tokens_id_;  // and its name
  std::uint64_t token_answers_ = 0;
  std::uint64_t requests_ = 0;  // sent to the client
};
}  // namespace tocsin::api
