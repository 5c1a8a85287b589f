#include "api/custody/command_secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "api/base/exit_code.h"
#include "api/base/replace_file.h"
#include "api/custody/given_keys.h"
#include "api/custody/owned_store.h"
#include "api/outbox/sealed_subscriptions.h"
#include "api/secrets/secret_keys.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
struct SecretsOptions {
  std::string data;
  std::string key_file;
};

ExitCode end(const Error& error) { return end_with(exit_code_of_named(error.code), error.message); }

ExitCode make_key(const std::string& path) {
  Result<std::string> line = make_key_line();
  if (!line) return end(line.error());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0 && errno == EEXIST) {
    return end_with(ExitCode::kUsage,
                    fmt::format("{} is there already, and may be the only copy of a key: name "
                                "another file, or add a key to it with `tocsin secrets rotate`",
                                path));
  }
  const bool is_written =
      file >= 0 &&
      ::write(file, line->data(), line->size()) == static_cast<ssize_t>(line->size()) &&
      ::fsync(file) == 0;
  const int number = errno;
  if (file >= 0) ::close(file);
  if (!is_written) {
    return end_with(ExitCode::kInputOutput,
                    fmt::format("cannot write {}: {}", path, std::strerror(number)));
  }
  const Result<SecretKeys> keys = SecretKeys::parse(*line, path);
  return print(fmt::format("{}: the key {}\n", path, keys ? keys->current().id() : ""));
}

ExitCode status(const SecretsOptions& options) {
  const Result<SecretKeys> keys = given_keys(options.key_file, false);
  if (!keys) return end(keys.error());
  const Result<std::unique_ptr<OwnedStore>> data = own_store(options.data);
  if (!data) return end(data.error());
  const auto used = keys_of_subscriptions(*(*data)->store);
  if (!used) return end(used.error());
  std::string text;
  for (const auto& [id, count] : *used) {
    const SecretKey* const key = keys->find(id);
    const char* state = "not given";
    if (key != nullptr) state = key == &keys->current() ? "current" : "earlier";
    text += id.empty()
                ? fmt::format("{}: not encrypted\n", rules::format_count(count, "subscription"))
                : fmt::format("{}: encrypted with the key {} ({})\n",
                              rules::format_count(count, "subscription"), id, state);
  }
  if (text.empty()) text = "no subscription has secrets here\n";
  return print(text);
}

// Puts a new key before those of a file, and gives all.
Result<SecretKeys> add_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string before{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return fail(Errc::kIo, "cannot read the key file " + path);
  const Result<std::string> line = make_key_line();
  if (!line) return tl::unexpected(line.error());
  const std::string text = *line + before;
  if (auto replaced = replace_file(path, text); !replaced) return tl::unexpected(replaced.error());
  return SecretKeys::parse(text, path);
}

Result<SealedCount> seal(const OwnedStore& data, const SecretKeys& keys,
                         UnreadableSecrets unreadable) {
  return seal_subscriptions(
      *data.store, [&](runtime::StoreFamily family) { return data.store->rewrite(family); }, keys,
      unreadable);
}

ExitCode rotate(const SecretsOptions& options) {
  const Result<SecretKeys> given = given_keys(options.key_file, true);
  if (!given) return end(given.error());
  const Result<std::unique_ptr<OwnedStore>> data = own_store(options.data);
  if (!data) return end(data.error());
  // Whatever there is opens before another key comes.
  Result<SealedCount> sealed = seal(**data, *given, UnreadableSecrets::kRefuse);
  if (!sealed) return end(sealed.error());
  SecretKeys keys = *given;
  if (!options.key_file.empty()) {
    Result<SecretKeys> more = add_key(options.key_file);
    if (!more) return end(more.error());
    keys = *std::move(more);
    sealed = seal(**data, keys, UnreadableSecrets::kRefuse);
    if (!sealed) return end(sealed.error());
  }
  return print(fmt::format("the current key is {}: encrypted the secrets of {}\n",
                           keys.current().id(),
                           rules::format_count(sealed->sealed, "subscription")));
}

ExitCode discard(const SecretsOptions& options) {
  const Result<SecretKeys> given = given_keys(options.key_file, true);
  if (!given) return end(given.error());
  const Result<std::unique_ptr<OwnedStore>> data = own_store(options.data);
  if (!data) return end(data.error());
  const auto sealed = seal(**data, *given, UnreadableSecrets::kDiscard);
  if (!sealed) return end(sealed.error());
  return print(
      fmt::format("discarded the secrets, URLs and headers of {}: each is paused until it "
                  "has new ones\n",
                  rules::format_count(sealed->discarded, "subscription")));
}

void add(CLI::App& parent, Chosen& chosen, const char* name, const char* description,
         const char* footer, ExitCode (*act)(const SecretsOptions&)) {
  auto options = std::make_shared<SecretsOptions>();
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("--data", options->data, "The data directory of `tocsin serve`")
      ->type_name("FOLDER")
      ->required();
  add_key_option(*command, options->key_file);
  command->footer(footer);
  command->callback(
      [&chosen, act, options] { chosen.run = [act, options] { return act(*options); }; });
}
}  // namespace

void add_secrets_command(CLI::App& program, Chosen& chosen) {
  CLI::App* secrets = program.add_subcommand(
      "secrets", "Make and change the keys that encrypt the secrets of a data directory");
  secrets->require_subcommand(1);
  secrets->footer(R"(Examples:
  tocsin secrets key /etc/tocsin/key
  tocsin serve rules/ --secrets-key-file /etc/tocsin/key)");
  auto file = std::make_shared<std::string>();
  CLI::App* key = secrets->add_subcommand("key", "Write a new key to a new file");
  key->add_option("FILE", *file, "The file, which must not exist")->type_name("FILE")->required();
  key->footer(
      R"(The file has the permissions 0600. Keep a copy of it apart from the data directory: without it the
server does not start, and what is encrypted cannot be read.

Examples:
  tocsin secrets key /etc/tocsin/key)");
  key->callback([&chosen, file] { chosen.run = [file] { return make_key(*file); }; });
  add(*secrets, chosen, "status", "Show which keys the secrets are encrypted with",
      R"(No other process may use the data directory.

Examples:
  tocsin secrets status --data tocsin-data --key-file /etc/tocsin/key)",
      status);
  add(*secrets, chosen, "rotate", "Encrypt all secrets with a new key",
      R"(A new key is put before those in the file of --key-file, and everything is encrypted with it. Earlier
keys stay in the file. If the keys are in the environment, put the new one first yourself: the command
encrypts with the first. What a crash cuts short, the next start or the same command completes. No
other process may use the data directory.

Examples:
  tocsin secrets rotate --data tocsin-data --key-file /etc/tocsin/key)",
      rotate);
  add(*secrets, chosen, "discard", "Replace secrets whose key is lost",
      R"(Subscriptions whose secrets no given key opens get a new secret, no URL and no headers, and are paused.
All others stay as they are. No other process may use the data directory.

Examples:
  tocsin secrets discard --data tocsin-data --key-file /etc/tocsin/new-key)",
      discard);
}
}  // namespace tocsin::api
