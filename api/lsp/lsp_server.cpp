#include "api/lsp/lsp_server.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/base/command.h"
#include "api/base/version.h"
#include "api/lsp/lsp_json.h"
#include "library/language/token_classes.h"

namespace tocsin::api {
using nlohmann::json;

namespace {
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidRequest = -32600;
constexpr int kNotInitialized = -32002;
constexpr int kCancelled = -32800;
constexpr int kInternalError = -32603;

// Diagnostics are sent to every client. One that takes them and asks for them too would show each
// twice; so only to a client that can do nothing but ask is it said that it may.
bool only_asks(const json& client) {
  const json document = client.is_object() ? client.value("textDocument", json()) : json();
  return document.is_object() && document.contains("diagnostic") &&
         !document.contains("publishDiagnostics");
}

json capabilities(library::CharacterUnit unit) {
  json legend = json::array();
  for (const std::string_view name : library::token_class_names()) legend.push_back(name);
  const char* const encoding = unit == library::CharacterUnit::kUtf8    ? "utf-8"
                               : unit == library::CharacterUnit::kUtf32 ? "utf-32"
                                                                        : "utf-16";
  return {
      {"positionEncoding", encoding},
      {"textDocumentSync", {{"openClose", true}, {"change", 2}, {"save", true}}},
      {"hoverProvider", true},
      {"completionProvider", {{"triggerCharacters", {".", "{", ":"}}}},
      {"signatureHelpProvider", {{"triggerCharacters", {"(", ","}}}},
      {"definitionProvider", true},
      {"declarationProvider", true},
      {"referencesProvider", true},
      {"documentHighlightProvider", true},
      {"documentSymbolProvider", true},
      {"workspaceSymbolProvider", true},
      {"foldingRangeProvider", true},
      {"selectionRangeProvider", true},
      {"documentFormattingProvider", true},
      {"documentOnTypeFormattingProvider", {{"firstTriggerCharacter", "}"}}},
      {"renameProvider", {{"prepareProvider", true}}},
      {"codeActionProvider",
       {{"codeActionKinds", {"quickfix", "refactor.rewrite", "source.fixAll"}}}},
      {"codeLensProvider", json::object()},
      {"inlayHintProvider", true},
      {"executeCommandProvider", {{"commands", {"tocsin.runTests", "tocsin.explain"}}}},
      {"semanticTokensProvider",
       {{"legend", {{"tokenTypes", legend}, {"tokenModifiers", {"declaration"}}}},
        {"full", {{"delta", true}}}}},
      {"workspace", {{"workspaceFolders", {{"supported", true}, {"changeNotifications", true}}}}}};
}
}  // namespace

ExitCode LspServer::run() {
  while (!over_) {
    receive();
    if (over_) break;
    if (waiting_.empty()) continue;
    const json message = std::move(waiting_.front());
    waiting_.pop_front();
    handle(message);
  }
  return life_ == Life::kShutDown && !failed_ ? ExitCode::kSuccess : ExitCode::kCheckFailed;
}

// Takes what is there; where nothing is, waits, checks what has changed, and looks for the program
// that started this one.
void LspServer::receive() {
  constexpr std::chrono::milliseconds kLookForParent{2000};
  bool wait = waiting_.empty();
  while (true) {
    json message;
    const std::chrono::milliseconds patience =
        !wait ? std::chrono::milliseconds(0) : (stale_.empty() ? kLookForParent : kQuiet);
    switch (stream_.read(patience, message)) {
      case StreamState::kMessage:
        waiting_.push_back(std::move(message));
        wait = false;
        continue;
      case StreamState::kQuiet:
        if (!wait) return;
        if (stale_.empty()) {
          over_ = parent_is_gone();
        } else {
          publish_stale();
        }
        return;
      case StreamState::kMalformed:
        tell(fmt::format("tocsin lsp: {}\n", stream_.problem()));
        failed_ = over_ = true;
        return;
      case StreamState::kEnd:
        over_ = waiting_.empty();
        return;
    }
  }
}

bool LspServer::parent_is_gone() const {
  return parent_ > 1 && kill(static_cast<pid_t>(parent_), 0) != 0 && errno == ESRCH;
}

void LspServer::handle(const json& message) {
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string()) return;  // an answer to nothing we asked
  try {
    if (message.contains("id")) {
      answer_request(message);
    } else if (*method == "exit") {
      over_ = true;
    } else if (life_ == Life::kRunning) {
      notify(*method, message.value("params", json::object()));
    }
  } catch (const json::exception& error) {
    // A notification whose members are of other types than the protocol says.
    tell(fmt::format("tocsin lsp: {}: {}\n", method->get<std::string>(), error.what()));
  }
}

void LspServer::answer_request(const json& message) {
  const json& id = message["id"];
  const auto refuse = [&](int code, const std::string& why) {
    send({{"id", id}, {"error", {{"code", code}, {"message", why}}}});
  };
  const std::string method = message["method"];
  if (was_cancelled(id)) return refuse(kCancelled, "cancelled");
  if (life_ == Life::kNew && method != "initialize") {
    return refuse(kNotInitialized, "`initialize` comes first");
  }
  if (life_ == Life::kShutDown) return refuse(kInvalidRequest, "the server was shut down");
  try {
    send({{"id", id}, {"result", answer(method, message.value("params", json::object()))}});
  } catch (const Refused& refused) {
    refuse(refused.code, refused.message);
  } catch (const json::exception& error) {
    refuse(kInvalidParams, error.what());
  } catch (const std::exception& error) {
    refuse(kInternalError, error.what());
  }
}

bool LspServer::was_cancelled(const json& id) {
  const auto cancels = [&](const json& message) {
    if (message.value("method", "") != "$/cancelRequest") return false;
    const auto parameters = message.find("params");
    return parameters != message.end() && parameters->is_object() &&
           parameters->value("id", json()) == id;
  };
  const auto found = std::ranges::find_if(waiting_, cancels);
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void LspServer::send(json message) {
  message["jsonrpc"] = "2.0";
  if (const Result<void> written = stream_.write(message); !written) failed_ = over_ = true;
}

void LspServer::show(const std::string& text, bool is_error) {
  send({{"method", "window/showMessage"},
        {"params", {{"type", is_error ? 1 : 3}, {"message", text}}}});
}

json LspServer::initialize(const json& parameters) {
  if (life_ != Life::kNew) throw Refused{kInvalidRequest, "`initialize` came before"};
  const json process = parameters.value("processId", json());
  if (process.is_number_integer()) parent_ = process.get<long>();
  const json encodings =
      parameters.value("/capabilities/general/positionEncodings"_json_pointer, json::array());
  const auto takes = [&](const char* encoding) {
    return encodings.is_array() && std::ranges::find(encodings, encoding) != encodings.end();
  };
  if (takes("utf-8")) {
    unit_ = library::CharacterUnit::kUtf8;
  } else if (takes("utf-32")) {
    unit_ = library::CharacterUnit::kUtf32;
  }
  const json offsets = parameters.value(
      "/capabilities/textDocument/signatureHelp/signatureInformation/parameterInformation/"
      "labelOffsetSupport"_json_pointer,
      json());
  takes_offsets_ = offsets.is_boolean() && offsets.get<bool>();
  const json refresh =
      parameters.value("/capabilities/workspace/codeLens/refreshSupport"_json_pointer, json());
  asks_lenses_again_ = refresh.is_boolean() && refresh.get<bool>();
  const json commands =
      parameters.value("/initializationOptions/commands"_json_pointer, json::array());
  runs_backtests_ =
      commands.is_array() && std::ranges::find(commands, kBacktestCommand) != commands.end();
  const json folders = parameters.value("workspaceFolders", json());
  if (folders.is_array()) {
    for (const json& folder : folders) folders_.push_back(path_of_uri(folder.at("uri")));
  } else if (const json root = parameters.value("rootUri", json()); root.is_string()) {
    folders_.push_back(path_of_uri(root));
  }
  workspace_.set_folders(folders_);
  json able = capabilities(unit_);
  if (only_asks(parameters.value("capabilities", json::object()))) {
    able["diagnosticProvider"] = {{"interFileDependencies", true}, {"workspaceDiagnostics", false}};
  }
  life_ = Life::kRunning;
  return {{"capabilities", std::move(able)},
          {"serverInfo", {{"name", "tocsin"}, {"version", version_parts().front().second}}}};
}

void LspServer::change_folders(const json& parameters) {
  const json& event = parameters.at("event");
  for (const json& folder : event.at("removed")) {
    std::erase(folders_, path_of_uri(folder.at("uri")));
  }
  for (const json& folder : event.at("added")) folders_.push_back(path_of_uri(folder.at("uri")));
  workspace_.set_folders(folders_);
  for (const auto& [path, document] : documents_.all()) stale_.insert(workspace_.set_of(path));
}

void LspServer::forget_document(const std::string& path) {
  const std::string set = workspace_.set_of(path);
  workspace_.forget(set);
  stale_.insert(set);
}

void LspServer::change_document(const json& parameters) {
  const json& document = parameters.at("textDocument");
  const std::string uri = document.at("uri");
  const json version = document.value("version", json());
  if (!documents_.change(uri, parameters.at("contentChanges"),
                         version.is_number_integer() ? version.get<std::int64_t>() : 0, unit_)) {
    tell(fmt::format("tocsin lsp: a change of a document that is not open: {}\n", uri));
    return;
  }
  forget_document(path_of_uri(uri));
}

void LspServer::notify(const std::string& method, const json& parameters) {
  if (method == "textDocument/didOpen") {
    const json& document = parameters.at("textDocument");
    documents_.open(document.at("uri"), document.at("text"), document.value("version", 0));
    forget_document(path_of_uri(document.at("uri")));
  } else if (method == "textDocument/didChange") {
    change_document(parameters);
  } else if (method == "textDocument/didClose") {
    const std::string uri = parameters.at("textDocument").at("uri");
    documents_.close(uri);
    sent_tokens_.erase(uri);
    tokens_id_.erase(uri);
    outcomes_.forget(path_of_uri(uri));
    forget_document(path_of_uri(uri));
  } else if (method == "workspace/didChangeWatchedFiles" || method == "textDocument/didSave") {
    // Lists and tables may have changed too.
    workspace_.forget_all();
    const json changes = parameters.value("changes", json::array());
    if (std::ranges::any_of(changes, [](const json& change) {
          return !change.at("uri").get<std::string>().ends_with(".tocsin");
        })) {
      outcomes_.forget_all();
    }
    for (const auto& [path, document] : documents_.all()) stale_.insert(workspace_.set_of(path));
  } else if (method == "workspace/didChangeWorkspaceFolders") {
    change_folders(parameters);
  }
}

void LspServer::publish_stale() {
  const std::set<std::string> sets = std::exchange(stale_, {});
  for (const std::string& set : sets) publish(set);
}

// All files of the set that have diagnostics, and those that had some before.
void LspServer::publish(const std::string& set) {
  const library::CheckedPack& pack = workspace_.pack(set);
  LspPlaces places(pack, documents_, unit_);
  std::map<std::string, json> by_uri;
  for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
    const std::string uri = places.uri(file);
    const bool is_open = documents_.find(pack.sources().path(file)) != nullptr;
    if (is_open || published_.contains(uri)) by_uri.emplace(uri, json::array());
  }
  for (const rules::Diagnostic& diagnostic : pack.loaded().diagnostics) {
    json& of_file = by_uri[places.uri(diagnostic.primary.span.file)];
    if (of_file.is_null()) of_file = json::array();
    of_file.push_back(diagnostic_json(pack, diagnostic, places));
  }
  // A set without files any more has none of its old diagnostics either.
  for (const std::string& uri : published_) {
    const std::string path = path_of_uri(uri);
    if (workspace_.set_of(path) == set) by_uri.try_emplace(uri, json::array());
  }
  for (auto& [uri, diagnostics] : by_uri) {
    if (diagnostics.empty()) {
      published_.erase(uri);
    } else {
      published_.insert(uri);
    }
    json parameters = {{"uri", uri}, {"diagnostics", std::move(diagnostics)}};
    const OpenDocument* document = documents_.find(path_of_uri(uri));
    if (document != nullptr) parameters["version"] = document->version;
    send({{"method", "textDocument/publishDiagnostics"}, {"params", std::move(parameters)}});
  }
}

LspServer::At LspServer::at(const json& parameters) {
  const std::string uri = parameters.at("textDocument").at("uri");
  const std::string path = path_of_uri(uri);
  const library::CheckedPack& pack = workspace_.pack(workspace_.set_of(path));
  const std::optional<std::uint32_t> file = pack.file(path);
  if (!file)
    throw Refused{kInvalidParams, fmt::format("not a rule file that can be read: {}", uri)};
  std::uint32_t byte = 0;
  if (const auto position = parameters.find("position"); position != parameters.end()) {
    const library::TextLines lines(pack.sources().text(*file));
    byte = lines.byte({position->value("line", 0U), position->value("character", 0U)}, unit_);
  }
  return {pack, *file, byte};
}

json LspServer::answer(const std::string& method, const json& parameters) {
  using Answer = json (LspServer::*)(const json&);
  static const std::map<std::string, Answer> kAnswers = {
      {"initialize", &LspServer::initialize},
      {"textDocument/hover", &LspServer::hover},
      {"textDocument/definition", &LspServer::definition},
      {"textDocument/declaration", &LspServer::definition},
      {"textDocument/references", &LspServer::references},
      {"textDocument/documentHighlight", &LspServer::highlights},
      {"textDocument/prepareRename", &LspServer::prepare_rename},
      {"textDocument/rename", &LspServer::rename},
      {"textDocument/completion", &LspServer::completion},
      {"textDocument/signatureHelp", &LspServer::signature},
      {"textDocument/documentSymbol", &LspServer::document_symbols},
      {"workspace/symbol", &LspServer::workspace_symbols},
      {"textDocument/foldingRange", &LspServer::folding},
      {"textDocument/selectionRange", &LspServer::selections},
      {"textDocument/formatting", &LspServer::format},
      {"textDocument/onTypeFormatting", &LspServer::format},
      {"textDocument/codeAction", &LspServer::code_actions},
      {"textDocument/codeLens", &LspServer::code_lenses},
      {"textDocument/inlayHint", &LspServer::inlay_hints},
      {"textDocument/diagnostic", &LspServer::pull_diagnostics},
      {"textDocument/semanticTokens/full", &LspServer::tokens},
      {"textDocument/semanticTokens/full/delta", &LspServer::tokens_delta},
      {"workspace/executeCommand", &LspServer::execute},
      {"tocsin/explain", &LspServer::explain},
      {"tocsin/automaton", &LspServer::explain},
      {"tocsin/runTests", &LspServer::run_tests},
  };
  if (method == "shutdown") {
    life_ = Life::kShutDown;
    return nullptr;
  }
  const auto found = kAnswers.find(method);
  if (found == kAnswers.end()) {
    throw Refused{kMethodNotFound, fmt::format("no request is named {}", method)};
  }
  return (this->*found->second)(parameters);
}
}  // namespace tocsin::api
