/// The tools that analysts wait for: checking and lowering 100, 1,000 and 10,000 rules, compiling
/// them for the engine, `tocsin check` as a process of its own (on packs of rules, and on lists to
/// search text for with the cache of compiled text databases cold and warm), and `tocsin test` of
/// files with many rules and tests.
///
///   bench_tools [--runs N] TOCSIN_BINARY [PACK…]
///
/// Rules a second must not fall with the number of rules; a typical pack should check within
/// 100 ms.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/rules.h"

extern char** environ;

namespace {
using namespace tocsin;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

constexpr int kRulesPerFile = 100;

constexpr const char* kSchema = R"(
event payment {
  ts: time up to 2s late, id: string id, card: string, account: string, device: string?,
  merchant: string, amount: decimal(2), currency: string, country: string,
  channel: enum(pos, ecom, atm),
}
event login { ts: time, id: string id, account: string, ok: bool, ip: string?, country: string }
event password_change { ts: time, id: string id, account: string }
event transfer { ts: time, id: string id, account: string, to_account: string, amount: decimal(2) }
event otp_ok { ts: time, id: string id, account: string }
list risky_countries : string = ["AQ", "BV", "GS", "HM", "IO", "SJ", "TF", "UM"]
kind web_payment = payment where channel = ecom
)";

/// Rule number `i` of a set, with what it declares for itself; no two are alike.
std::string rule_text(int i) {
  const std::string head = fmt::format(
      "rule rule_{0} \"Rule number {0}\" {{\n  severity high\n  tags made, set_{1}\n", i, i % 10);
  const int n = i / 8;
  switch (i % 8) {
    case 0:
      return head + fmt::format(
                        "  by card\n  when payment where amount > {}.50 and country in "
                        "risky_countries and currency != \"EUR\"\n"
                        "  alert \"{{amount}} {{currency}} in {{country}}\"\n}}\n",
                        100 + n);
    case 1:
      return fmt::format("feature count_{0} = count(payment) by card over last {1}s\n", i, 60 + n) +
             head +
             fmt::format(
                 "  by card\n  when payment where count_{0} >= {1}\n  once per 1h\n"
                 "  alert \"{{count_{0}}} payments\" {{ seen: count_{0} }}\n}}\n",
                 i, 3 + n % 20);
    case 2:
      return head + fmt::format(
                        "  by card\n  when 3+ payment as probes where amount < {} then payment as "
                        "hit where amount > {}\n    and merchant != probes.first.merchant\n"
                        "  within 10m\n  having sum(probes.amount) < {}\n  after match skip past "
                        "last\n  alert \"{{count(probes)}} probes, then {{hit.amount}}\" {{\n"
                        "    score: 60 + 5 * count(probes),\n    total: sum(probes.amount),\n  "
                        "}}\n}}\n",
                        2 + n % 3, 200 + n, 5 + n % 7);
    case 3:
      return head + fmt::format(
                        "  by account\n  when 3 login as tries where not ok then first login as "
                        "entry where ok\n    then first password_change then first transfer as out "
                        "where amount > {}\n  within 1h\n  alert \"in from {{entry.ip}}, "
                        "{{out.amount}} gone\"\n}}\n",
                        1000 + n);
    case 4:
      return head + fmt::format(
                        "  by account\n  when transfer as t where amount > {} then no otp_ok for "
                        "{}s\n  alert \"{{t.amount}} was not confirmed\"\n}}\n",
                        1000 + n % 50, 300 + n);
    case 5:
      return head +
             fmt::format(
                 "  by card\n  when web_payment as a then next web_payment as b where amount "
                 "> {}.25 * a.amount\n  within 1h\n  alert \"{{a.amount}}, then "
                 "{{b.amount}}\"\n}}\n",
                 2 + n);
    case 6:
      return head + fmt::format(
                        "  by merchant\n  when payment where sum(amount of web_payment) over last "
                        "{0}m > {1} * avg(amount of payment) over last 1d\n  alert \"busy\"\n}}\n",
                        1 + n % 60, 10 + n);
    default:
      return head + fmt::format(
                        "  by account = login.account | transfer.account | otp_ok.account\n  when "
                        "login as entry "
                        "where ok and country in risky_countries\n    then no otp_ok then transfer "
                        "as t where amount > {}\n  within {}m\n  once per 1d\n  alert "
                        "\"{{t.amount}} to {{t.to_account}}\"\n}}\n",
                        500 + n, 5 + n % 60);
  }
}

/// The files of a set of so many rules; every file uses the schema.
std::map<std::string, std::string> rule_files(int rules) {
  std::map<std::string, std::string> files{{"schema.tocsin", kSchema}};
  for (int i = 0; i < rules; ++i) {
    std::string& text = files[fmt::format("rules_{:03}.tocsin", i / kRulesPerFile)];
    if (text.empty()) text = "use \"schema.tocsin\"\n";
    text += rule_text(i);
  }
  return files;
}

void bench_load(int runs) {
  std::printf("%7s %7s %10s %10s %9s %9s %12s\n", "rules", "bytes", "check", "rules/s", "of 100's",
              "compile", "rules/s");
  double first_rate = 0;
  for (const int rules : {100, 1'000, 10'000}) {
    const std::map<std::string, std::string> files = rule_files(rules);
    std::vector<std::string> paths;
    std::size_t bytes = 0;
    for (const auto& [path, text] : files) {
      paths.push_back(path);
      bytes += text.size();
    }
    const auto read_file = [&files](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return fail(Errc::kNotFound, path);
      return found->second;
    };
    std::vector<double> check_s;
    std::vector<double> compile_s;
    for (int run = 0; run < runs; ++run) {
      const double start = seconds_now();
      const rules::Loaded loaded = rules::load(paths, read_file);
      const double checked = seconds_now();
      if (!loaded.rules) die(rules::render(loaded.sources, loaded.diagnostics.front()));
      if (loaded.rules->plan->rules.size() != static_cast<std::size_t>(rules)) die("rules missing");
      const Result<cep::Program> program = cep::compile(loaded.rules->plan);
      if (!program) die(program.error().message);
      check_s.push_back(checked - start);
      compile_s.push_back(seconds_now() - checked);
    }
    const double rate = rules / median(check_s);
    if (first_rate == 0) first_rate = rate;
    std::printf("%7d %7zu %7.1f ms %10.0f %8.0f%% %6.1f ms %12.0f\n", rules, bytes,
                1e3 * median(check_s), rate, 100 * rate / first_rate, 1e3 * median(compile_s),
                rules / median(compile_s));
  }
}

/// Runs the program to its end, without its output; gives wall-clock seconds.
double run_process(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  const double start = seconds_now();
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) die("cannot start " + words[0]);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) die(words[1] + " " + words[2] + " failed");
  return seconds_now() - start;
}

/// Two tests of rule number `i`: of some events of each type, and of an alert where the rule raises
/// one at a single payment.
std::string rule_tests(int i) {
  const std::string name = fmt::format("rule_{}", i);
  const auto payment = [](const char* at, const char* id, int amount) {
    return fmt::format(
        "  {} payment {{ id: \"{}\", card: \"c1\", account: \"a1\", device: \"d1\", merchant: "
        "\"m1\", amount: {}, currency: \"USD\", country: \"AQ\", channel: ecom }}\n",
        at, id, amount);
  };
  std::string text = fmt::format("test {} \"quiet\" {{\n  starting 2026-03-02T12:00:00Z\n", name);
  text += payment("0s", "e1", 5) + payment("1m", "e2", 5);
  text += "  2m login { id: \"e3\", account: \"a1\", ok: false, country: \"DE\" }\n";
  text += "  3m transfer { id: \"e4\", account: \"a1\", to_account: \"a2\", amount: 5 }\n";
  text += "  expect no alert\n}\n";
  const bool is_single = i % 8 == 0;
  text += fmt::format("test {} \"one more\" {{\n  starting 2026-03-02T12:00:00Z\n", name);
  text += payment("0s", "e1", is_single ? 1'000'000 : 7);
  return text + (is_single ? "  expect alert at 0s\n}\n" : "  expect no alert\n}\n");
}

void bench_tests(int runs, const std::string& binary) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "tocsin_bench_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) die("cannot make a folder");
  const fs::path folder = pattern;
  std::printf("\n%-40s %10s %14s\n", "tocsin test", "wall", "us a test");
  for (const int rules : {100, 1'000, 10'000}) {
    const fs::path file = folder / fmt::format("rules_{}.tocsin", rules);
    std::ofstream out(file);
    out << kSchema;
    for (int i = 0; i < rules; ++i) out << rule_text(i) << rule_tests(i);
    out.close();
    std::vector<double> wall_s;
    for (int run = 0; run < runs; ++run) {
      wall_s.push_back(run_process({binary, "test", file.string()}));
    }
    const double wall = median(wall_s);
    std::printf("%-40s %7.1f ms %11.1f us\n",
                fmt::format("{} rules with {} tests in one file", rules, 2 * rules).c_str(),
                1e3 * wall, 1e6 * wall / (2 * rules));
  }
  fs::remove_all(folder);
}

void bench_check(int runs, const std::string& binary, const std::vector<std::string>& packs) {
  std::printf("\n%-40s %10s\n", "tocsin check", "wall");
  for (const std::string& pack : packs) {
    std::vector<double> wall_s;
    for (int run = 0; run < 3 * runs; ++run) {
      wall_s.push_back(run_process({binary, "check", pack}));
    }
    const double wall = median(wall_s);
    std::printf("%-40s %7.1f ms   %s\n", pack.c_str(), 1e3 * wall,
                wall < 0.1 ? "below 100 ms" : "over 100 ms");
  }
}
/// A rule file that searches memos for so many phrases and regular expressions.
std::string text_rules(int phrases, int regexes) {
  // Words from a small generator: nothing of the run depends on chance.
  std::uint64_t state = 1;
  const auto word = [&state] {
    std::string letters;
    for (int i = 0; i < 7; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      letters += static_cast<char>('a' + (state >> 33U) % 26);
    }
    return letters;
  };
  std::string text = "event transfer { ts: time, id: string id, account: string, memo: string? }\n";
  text += "list phrases : text = [";
  for (int i = 0; i < phrases; ++i) text += fmt::format("\"{} {}\", ", word(), word());
  text += "]\nlist shapes : regex = [";
  for (int i = 0; i < regexes; ++i) text += fmt::format("/\\b{}[0-9]{{4,8}}\\b/i, ", word());
  text +=
      "]\nrule found \"Found\" {\n  by account\n  when transfer where memo contains any word of "
      "phrases or memo matches any of shapes\n  alert \"{memo}\"\n}\n";
  return text;
}

void bench_text(int runs, const std::string& binary) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "tocsin_bench_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) die("cannot make a folder");
  const fs::path folder = pattern;
  setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
  std::printf("\n%-40s %10s %13s\n", "tocsin check, text to search for", "cold cache",
              "warm cache");
  constexpr std::pair<int, int> kSizes[] = {{100, 10}, {1'000, 100}, {10'000, 1'000}};
  for (const auto& [phrases, regexes] : kSizes) {
    const fs::path file = folder / fmt::format("text_{}.tocsin", phrases);
    std::ofstream(file) << text_rules(phrases, regexes);
    std::vector<double> cold_s;
    std::vector<double> warm_s;
    for (int run = 0; run < runs; ++run) {
      fs::remove_all(folder / "cache");
      cold_s.push_back(run_process({binary, "check", file.string()}));
      warm_s.push_back(run_process({binary, "check", file.string()}));
    }
    std::printf("%-40s %7.1f ms %10.1f ms\n",
                fmt::format("{} phrases, {} regular expressions", phrases, regexes).c_str(),
                1e3 * median(cold_s), 1e3 * median(warm_s));
  }
  fs::remove_all(folder);
}
}  // namespace

int main(int argc, char** argv) {
  int runs = 5;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 2 && arguments[0] == "--runs") {
    runs = std::max(1, std::atoi(arguments[1].c_str()));
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.empty()) die("usage: bench_tools [--runs N] TOCSIN_BINARY [PACK...]");
  bench_load(runs);
  bench_check(runs, arguments[0], {arguments.begin() + 1, arguments.end()});
  bench_text(runs, arguments[0]);
  bench_tests(runs, arguments[0]);
  return 0;
}
