#include "api/client/server_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <httplib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_pack.h"
#include "cep/value/time.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// The lines of a problem that say what is wrong (RFC 9457, docs/api-errors.md).
std::string text_of_problem(const ordered_json& problem) {
  const auto text = [](const ordered_json& json, const char* name) {
    return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : "";
  };
  std::string said = text(problem, "detail");
  if (said.empty()) said = text(problem, "title");
  if (problem.contains("diagnostics") && problem["diagnostics"].is_array()) {
    for (const ordered_json& one : problem["diagnostics"]) {
      if (text(one, "level") != "error") continue;
      said += fmt::format("\n{}:{}:{}: {}", text(one, "file"), one.value("line", 0),
                          one.value("column", 0), text(one, "message"));
    }
  }
  if (problem.contains("failures") && problem["failures"].is_array()) {
    for (const ordered_json& one : problem["failures"]) {
      if (one.is_string()) said += "\n" + one.get<std::string>();
    }
  }
  return said;
}

Outcome<std::string> read_token(const ServerOptions& options) {
  std::string token;
  if (!options.token_file.empty()) {
    std::ifstream file(options.token_file);
    if (!std::getline(file, token)) {
      return stop(ExitCode::kUsage, fmt::format("cannot read a token from {}", options.token_file));
    }
  } else if (const char* const variable = std::getenv("TOCSIN_TOKEN")) {
    token = variable;
  }
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) {
    token.pop_back();
  }
  if (token.empty()) {
    return stop(ExitCode::kUsage,
                "a token is missing: name a file that has it with --token-file, or set the "
                "variable TOCSIN_TOKEN");
  }
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!std::ranges::all_of(token, is_plain)) {
    return stop(ExitCode::kUsage, "the token has characters that no token has");
  }
  return token;
}

std::string text_of_failure(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "no connection; is it the right port, and does the server run?";
    case httplib::Error::Read:
      return "the connection ended, or the answer took longer than --timeout";
    case httplib::Error::SSLConnection:
      return "no TLS connection; is it an https port?";
    case httplib::Error::SSLLoadingCerts:
      return "the certificates of --ca-file cannot be read";
    case httplib::Error::SSLServerVerification:
      return "its certificate is not trusted; name the issuer's with --ca-file";
    default:
      return httplib::to_string(error);
  }
}
}  // namespace

void add_server_options(CLI::App& command, ServerOptions& options) {
  command
      .add_option("--server", options.url,
                  "The server: http://HOST:PORT or https://HOST:PORT; default: the variable "
                  "TOCSIN_SERVER")
      ->type_name("URL")
      ->envname("TOCSIN_SERVER")
      ->required();
  add_token_options(command, options);
}

void add_token_options(CLI::App& command, ServerOptions& options) {
  command
      .add_option("--token-file", options.token_file,
                  "A file whose first line is the token; default: the variable TOCSIN_TOKEN")
      ->type_name("FILE");
  command
      .add_option("--ca-file", options.ca_file,
                  "Certificates to trust for https; default: the system's")
      ->type_name("FILE");
  command.add_option("--timeout", options.timeout, "How long an answer may take; default 2m")
      ->type_name("DURATION");
}

Outcome<ServerAnswer> ask_until_made(ServerClient& client, const ServerRequest& request) {
  constexpr std::chrono::seconds kPauseMax{5};
  std::chrono::milliseconds pause(500);
  int told = 0;  // tenths
  for (;;) {
    Outcome<ServerAnswer> answer = client.ask(request);
    if (!answer || !answer->json.contains("warming_up")) return answer;
    const ordered_json& far = answer->json.at("warming_up");
    const int tenths = static_cast<int>(far.at("progress").get<double>() * 10);
    if (tenths != std::exchange(told, tenths)) {
      tell(fmt::format("earlier events are read: {} %, {}\n", 10 * tenths,
                       rules::format_count(far.at("events").get<std::uint64_t>(), "event")));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kPauseMax);
  }
}

void add_replay_option(CLI::App& command, std::string& replay) {
  command
      .add_option("--replay", replay,
                  "What would begin with nothing goes on from the server's events of so long, such "
                  "as 7d; no alert comes from before")
      ->type_name("DURATION");
}

std::string replayed_text(const ordered_json& answer) {
  if (!answer.contains("replayed")) return "";
  std::vector<std::string> names;
  for (const ordered_json& one : answer.at("replayed")) {
    names.push_back(one.begin().value().get<std::string>());
  }
  std::string text = fmt::format("from earlier events: {}\n", fmt::join(names, ", "));
  for (const ordered_json& note : answer.value("notes", ordered_json::array())) {
    text += fmt::format("  {}\n", note.get<std::string>());
  }
  return text;
}

std::optional<std::string> waiting_text(const ordered_json& answer) {
  if (!answer.contains("change")) return std::nullopt;
  return fmt::format("change {} waits for approval, {} of {}: `tocsin change approve {}`\n",
                     answer.at("change").get<std::string>(), answer.at("approvals").size(),
                     answer.at("approvals_needed").get<std::uint64_t>(),
                     answer.at("change").get<std::string>());
}

Outcome<ordered_json> pack_files_of(const std::vector<std::string>& paths) {
  const Result<RulePack> pack = RulePack::read(paths);
  if (!pack) return stop(ExitCode::kCheckFailed, pack.error().message);
  const LoadedRules loaded = pack->load();
  if (!loaded.program) {
    tell(render_diagnostics(loaded, false));
    return stop(ExitCode::kCheckFailed, "the rules have errors; the server was not asked");
  }
  ordered_json files = ordered_json::object();
  for (const std::string& path : pack->paths()) files[path] = *pack->file(path);
  return files;
}

std::string percent_encoded(const std::string& word) {
  std::string encoded;
  for (const char c : word) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
                          c == '_' || c == '.' || c == '~';
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

void add_comment_option(CLI::App& command, std::string& comment) {
  command.add_option("--comment", comment, "The reason, stored with the version")
      ->type_name("TEXT");
}

std::string client_exit_codes(std::string_view refused) {
  return fmt::format(R"(
Exit codes:
  0  done
  1  {}
  2  wrong command line, or a token that may not do it
  3  the server gives no answer

Examples:
)",
                     refused);
}

ExitCode with_answers(const std::function<ExitCode()>& act) {
  try {
    return act();
  } catch (const ordered_json::exception&) {
    return end_with(ExitCode::kInputOutput,
                    "the server's answer is not as this version expects it; use the version of the "
                    "server");
  }
}

struct ServerClient::Impl {
  std::string url;
  std::unique_ptr<httplib::Client> client;
  httplib::Headers headers;
};

ServerClient::ServerClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerClient::ServerClient(ServerClient&&) noexcept = default;
ServerClient& ServerClient::operator=(ServerClient&&) noexcept = default;
ServerClient::~ServerClient() = default;

Outcome<ServerClient> ServerClient::open(const ServerOptions& options) {
  const std::string& url = options.url;
  const std::size_t host = url.find("://");
  const bool has_scheme = url.starts_with("http://") || url.starts_with("https://");
  if (!has_scheme || host + 3 >= url.size() ||
      url.find_first_of("/?#@", host + 3) < url.size() - 1) {
    return stop(ExitCode::kUsage,
                fmt::format("--server is http://HOST:PORT or https://HOST:PORT, and nothing more: "
                            "{}",
                            url));
  }
  Outcome<std::string> token = read_token(options);
  if (!token) return tl::unexpected(token.error());
  const std::optional<cep::Duration> timeout = cep::parse_duration(options.timeout);
  if (!timeout || timeout->us <= 0) {
    return stop(ExitCode::kUsage,
                fmt::format("--timeout is a duration such as 30s or 2m, not {}", options.timeout));
  }
  auto impl = std::make_unique<Impl>();
  impl->url = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
  impl->client = std::make_unique<httplib::Client>(impl->url);
  if (!impl->client->is_valid()) {
    return stop(ExitCode::kUsage, fmt::format("--server cannot be used: {}", url));
  }
  if (!options.ca_file.empty()) impl->client->set_ca_cert_path(options.ca_file.c_str());
  const std::chrono::microseconds patience{timeout->us};
  impl->client->set_connection_timeout(
      std::min<std::chrono::microseconds>(patience, std::chrono::seconds(10)));
  impl->client->set_read_timeout(patience);
  impl->client->set_write_timeout(patience);
  impl->headers.emplace("Authorization", "Bearer " + *token);
  return ServerClient(std::move(impl));
}

Outcome<ServerAnswer> ServerClient::ask(const ServerRequest& request) {
  httplib::Params parameters;
  for (const auto& [name, value] : request.query) {
    if (!value.empty()) parameters.emplace(name, value);
  }
  httplib::Request sent;
  sent.method = request.method;
  sent.path = httplib::append_query_params(request.path, parameters);
  if (sent.path.ends_with('?')) sent.path.pop_back();
  sent.headers = impl_->headers;
  if (!request.if_match.empty()) {
    const bool is_any = request.if_match == "*";
    sent.headers.emplace("If-Match", is_any ? "*" : "\"" + request.if_match + "\"");
  }
  if (!request.body.is_null()) {
    sent.body = request.body.dump();
    sent.headers.emplace("Content-Type", "application/json");
  } else if (!request.lines.empty()) {
    sent.body = request.lines;
    sent.headers.emplace("Content-Type", "application/x-ndjson");
  }
  const httplib::Result answer = impl_->client->send(sent);
  if (!answer) {
    return stop(ExitCode::kInputOutput,
                fmt::format("{} gives no answer to {} {}: {}", impl_->url, request.method,
                            request.path, text_of_failure(answer.error())));
  }
  ServerAnswer got;
  got.json = ordered_json::parse(answer->body, nullptr, false);
  const bool is_text = answer->get_header_value("Content-Type").starts_with("text/");
  const bool is_known = is_text || answer->body.empty() || !got.json.is_discarded();
  if (answer->status >= 200 && answer->status < 300 && is_known) {
    got.text = answer->body;
    got.etag = answer->get_header_value("ETag");
    std::erase(got.etag, '"');
    return got;
  }
  const std::string problem =
      got.json.is_object() ? text_of_problem(got.json) : std::string("it is no tocsin");
  const bool is_denied = answer->status == 401 || answer->status == 403;
  const bool is_server = got.json.is_object() && answer->status < 500 && answer->status != 429;
  return stop(
      is_denied ? ExitCode::kUsage : (is_server ? ExitCode::kCheckFailed : ExitCode::kInputOutput),
      fmt::format("{} answers {}: {}", impl_->url, answer->status, problem));
}
}  // namespace tocsin::api
