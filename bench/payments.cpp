/// The payments workload (bench/README.md): parse limit, decoding, and the whole way from file to alerts, as ratios
/// within one run.
///
///   bench_payments [--runs N] EVENTS.ndjson RULES.tocsin…
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <simdjson.h>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cep/engine.h"
#include "rules/rules.h"
#include "runtime/decoder.h"
#include "runtime/run.h"

namespace {
using namespace tocsin;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Which of the workload's fields a rule set reads, whatever the type.
struct Used {
  bool id = true, account = false, card = false, country = false, amount = false, channel = false, ok = false;
};

Used used_of(const cep::Program& program) {
  Used used;
  const cep::Plan& plan = program.plan();
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    for (std::size_t f = 0; f < plan.event_types[t].fields.size(); ++f) {
      if (!program.used_fields()[t][f]) continue;
      const std::string& name = plan.event_types[t].fields[f].name;
      if (name == "account") used.account = true;
      if (name == "card") used.card = true;
      if (name == "country") used.country = true;
      if (name == "amount") used.amount = true;
      if (name == "channel") used.channel = true;
      if (name == "ok") used.ok = true;
    }
  }
  return used;
}

/// Reads the used fields of every line into registers; gives the number of lines and folds the values into `sum`.
std::uint64_t parse_limit(const std::string& text, std::size_t size, const Used& used, std::uint64_t& sum) {
  simdjson::ondemand::parser parser;
  std::uint64_t lines = 0;
  const char* at = text.data();
  const char* end = text.data() + size;
  const auto text_of = [&sum](simdjson::ondemand::value value) {
    const std::string_view view = value.get_string();
    sum += view.size() + static_cast<unsigned char>(view.empty() ? '\0' : view.front());
  };
  while (at < end) {
    const char* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* stop = newline != nullptr ? newline : end;
    const auto length = static_cast<std::size_t>(stop - at);
    auto document = parser.iterate(at, length, length + simdjson::SIMDJSON_PADDING);
    for (auto field : document.get_object()) {
      const simdjson::ondemand::raw_json_string key = field.key();
      const char* name = key.raw();
      switch (name[0]) {
        case 't':
          if (key == "type") {
            text_of(field.value());
          } else if (key == "ts") {
            sum += static_cast<std::uint64_t>(field.value().get_int64().value());
          }
          break;
        case 'i':
          if (used.id && key == "id") sum += static_cast<std::uint64_t>(field.value().get_int64().value());
          break;
        case 'a':
          if (used.account && key == "account") {
            text_of(field.value());
          } else if (used.amount && key == "amount") {
            sum += static_cast<std::uint64_t>(field.value().get_double().value());
          }
          break;
        case 'c':
          if (used.card && key == "card") {
            text_of(field.value());
          } else if (used.country && key == "country") {
            text_of(field.value());
          } else if (used.channel && key == "channel") {
            text_of(field.value());
          }
          break;
        case 'o':
          if (used.ok && key == "ok") sum += field.value().get_bool().value() ? 1U : 0U;
          break;
        default:
          break;
      }
    }
    ++lines;
    at = stop + 1;
  }
  return lines;
}
