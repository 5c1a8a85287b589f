#include "api/commands/completion.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
CompletionTree sample_tree() {
  CompletionOption help{{"-h", "--help"}, "Show it: all [of it]", "", false};
  CompletionOption input{{"-i", "--input"}, "Where it's read", "FILE", true};
  CompletionOption policy{{"--policy"}, "What to do", "side|clamp", false};
  CompletionOption rules{{}, "Rule files", "FILE", true};
  CompletionCommand list{"list", "Show: all", {help, input}, {}};
  return {
      "tocsin",
      {help},
      {{"run", "Run it", {input, policy}, {rules}}, {"late", "What's late", {help}, {}, {list}}}};
}

TEST_CASE("completion: the words of a choice are split at the bars") {
  CompletionOption option;
  option.value = "auto|always|never";
  CHECK(option.choices() == std::vector<std::string>{"auto", "always", "never"});
  option.value = "FILE";
  CHECK(option.choices().empty());
}

TEST_CASE("completion: bash completes commands, options and values") {
  const std::string script = bash_completion(sample_tree());
  CHECK(script.find("'') _tocsin_reply -W 'run late' ;;") != std::string::npos);
  CHECK(script.find("'run') _tocsin_reply -W '-i --input --policy' ;;") != std::string::npos);
  CHECK(script.find("'run --policy') _tocsin_reply -W 'side clamp'; return ;;") !=
        std::string::npos);
  CHECK(
      script.find("'run -i' | 'run --input') compopt -o filenames; _tocsin_reply -f; return ;;") !=
      std::string::npos);
}

TEST_CASE("completion: descriptions are escaped as each shell reads them") {
  const std::string zsh = zsh_completion(sample_tree());
  CHECK(zsh.find(R"('(-h --help)--help[Show it\: all \[of it\]]')") != std::string::npos);
  CHECK(zsh.find(R"('*--input=[Where it'\''s read]:FILE:_files')") != std::string::npos);
  CHECK(zsh.find("'--policy=[What to do]:side|clamp:(side clamp)'") != std::string::npos);
  const std::string fish = fish_completion(sample_tree());
  CHECK(fish.find(R"(-s i -l input -r -F -d 'Where it\'s read')") != std::string::npos);
  CHECK(fish.find("-l policy -x -a 'side clamp' -d 'What to do'") != std::string::npos);
}

TEST_CASE("completion: a command below a command has its own options") {
  const std::string bash = bash_completion(sample_tree());
  CHECK(bash.find("'run' | 'late' | 'late list') command=") != std::string::npos);
  CHECK(bash.find("'late') _tocsin_reply -W 'list' ;;") != std::string::npos);
  CHECK(bash.find("'late list') _tocsin_reply -W '-h --help -i --input' ;;") != std::string::npos);
  const std::string zsh = zsh_completion(sample_tree());
  CHECK(zsh.find("'1:command:->late'") != std::string::npos);
  CHECK(zsh.find("'list:Show\\: all'") != std::string::npos);
  const std::string fish = fish_completion(sample_tree());
  CHECK(fish.find("-n '__fish_seen_subcommand_from late; and not __fish_seen_subcommand_from "
                  "list' -a list -d 'Show: all'") != std::string::npos);
  CHECK(fish.find("-n '__fish_seen_subcommand_from late; and __fish_seen_subcommand_from list' -s "
                  "i -l input") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
