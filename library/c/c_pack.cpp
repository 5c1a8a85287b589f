// Packs: rules from files or texts.
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/value/value.h"
#include "library/c/c_call.h"
#include "library/c/c_handles.h"
#include "library/c/c_json_options.h"
#include "library/c/c_pack_needs.h"
#include "library/explain/job_plan.h"
#include "rules/context/rules.h"
#include "rules/text/diagnostics.h"
#include "runtime/io/rule_files.h"

namespace tocsin::library {
namespace {
struct PackOptions {
  bool warns_of_untested = false;
};

CallResult read_pack_options(const char* text, PackOptions& options) {
  JsonOptions members(text);
  members.boolean("warn_of_untested", options.warns_of_untested);
  return members.finish();
}

std::string diagnostics_of(const rules::Loaded& loaded, const std::string& compile_error) {
  std::string text;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    text += rules::render_json(loaded.sources, diagnostic);
    if (!text.ends_with('\n')) text += '\n';
  }
  if (!compile_error.empty()) {
    text += R"({"level":"error","message":)";
    cep::append_json_string(text, compile_error);
    text += "}\n";
  }
  return text;
}

// The first mistake in few words, for who does not read the diagnostics.
std::string first_error(const rules::Loaded& loaded, const std::string& compile_error) {
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    if (rules::level_of(diagnostic.code) == rules::Level::kError) return diagnostic.message;
  }
  return compile_error;
}

CallResult load(const std::vector<std::string>& files, const PackOptions& options,
                const rules::ReadFile& read_file, tocsin_pack** pack, tocsin_buffer* diagnostics) {
  rules::LoadOptions load_options;
  load_options.warn_of_untested = options.warns_of_untested;
  rules::Loaded loaded = rules::load(files, read_file, load_options);
  std::optional<cep::Program> program;
  std::string compile_error;
  if (loaded.rules) {
    Result<cep::Program> compiled = cep::compile(loaded.rules->plan);
    if (compiled) {
      program = *std::move(compiled);
    } else {
      compile_error = compiled.error().message;
    }
  }
  if (diagnostics != nullptr) diagnostics->text = diagnostics_of(loaded, compile_error);
  if (!program) {
    return fail_call(TOCSIN_INVALID_RULES,
                     "the rules have errors: " + first_error(loaded, compile_error));
  }
  *pack = new tocsin_pack{*std::move(program), std::move(loaded)};
  return {};
}

std::string normal_path(std::string_view path) {
  return std::filesystem::path(path).lexically_normal().string();
}

CallResult load_texts(const tocsin_text* texts, std::size_t count, const PackOptions& options,
                      tocsin_pack** pack, tocsin_buffer* diagnostics) {
  std::map<std::string, std::string_view> known;
  std::vector<std::string> files;
  for (std::size_t i = 0; i < count; ++i) {
    const tocsin_text& text = texts[i];
    if (text.name == nullptr || *text.name == '\0') {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "each text needs a name");
    }
    if (text.data == nullptr && text.size != 0) return fail_null("data of a text");
    const std::string_view contents =
        text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
    const std::string path = normal_path(text.name);
    if (!known.emplace(path, contents).second) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "two texts have the name " + path);
    }
    if (path.ends_with(".tocsin")) files.push_back(path);
  }
  const auto read = [&known](const std::string& path) -> Result<std::string> {
    const auto found = known.find(normal_path(path));
    if (found == known.end()) return fail(Errc::kNotFound, "no text has this name");
    return std::string(found->second);
  };
  return load(files, options, read, pack, diagnostics);
}
}  // namespace
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_pack_load_files(const char* const* paths, size_t count, const char* options,
                                     tocsin_pack** pack, tocsin_buffer* diagnostics,
                                     tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    *pack = nullptr;
    if (diagnostics != nullptr) diagnostics->text.clear();
    if (paths == nullptr && count != 0) return fail_null("paths");
    PackOptions read;
    if (CallResult done = read_pack_options(options, read); !done) return done;
    std::vector<std::string> named;
    for (std::size_t i = 0; i < count; ++i) {
      if (paths[i] == nullptr || *paths[i] == '\0') {
        return fail_call(TOCSIN_INVALID_ARGUMENT, "each path needs a name");
      }
      named.emplace_back(paths[i]);
    }
    const tocsin::Result<std::vector<std::string>> files = tocsin::runtime::find_rule_files(named);
    if (!files) return fail_call(files.error());
    return load(*files, read, tocsin::runtime::read_rule_file, pack, diagnostics);
  });
}

tocsin_status tocsin_pack_load_texts(const tocsin_text* texts, size_t count, const char* options,
                                     tocsin_pack** pack, tocsin_buffer* diagnostics,
                                     tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    *pack = nullptr;
    if (diagnostics != nullptr) diagnostics->text.clear();
    if (texts == nullptr && count != 0) return fail_null("texts");
    PackOptions read;
    if (CallResult done = read_pack_options(options, read); !done) return done;
    return load_texts(texts, count, read, pack, diagnostics);
  });
}

tocsin_status tocsin_pack_describe(const tocsin_pack* pack, tocsin_buffer* json,
                                   tocsin_error** error) {
  return guarded(error, [&]() -> CallResult {
    if (pack == nullptr) return fail_null("pack");
    if (json == nullptr) return fail_null("json");
    json->text = pack_needs_json(pack->program);
    return {};
  });
}

tocsin_pack::ByPass tocsin_pack::by_pass() const {
  ByPass made = made_by_pass.load();
  if (made != nullptr) return made;
  made = std::make_shared<const tocsin::Result<tocsin::cep::Program>>(
      tocsin::library::spread_program(program));
  // Of threads that needed it at one time, one keeps what it made.
  ByPass other;
  return made_by_pass.compare_exchange_strong(other, made) ? made : other;
}

std::shared_ptr<tocsin::library::TestPrograms> tocsin_pack::test_programs() const {
  std::shared_ptr<tocsin::library::TestPrograms> made = made_test_programs.load();
  if (made != nullptr) return made;
  made = std::make_shared<tocsin::library::TestPrograms>(program, nullptr);
  std::shared_ptr<tocsin::library::TestPrograms> other;
  return made_test_programs.compare_exchange_strong(other, made) ? made : other;
}

void tocsin_pack_free(tocsin_pack* pack) { delete pack; }
