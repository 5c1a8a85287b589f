// draw_svg(): a child process that reads one temporary file and writes another, so that neither
// side ever waits for the other.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "api/rules/explain_dot.h"

extern char** environ;  // what the child inherits (POSIX declares it nowhere)

namespace tocsin::api {
namespace {
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
// Has no name: nothing is left behind, whatever happens.
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

Result<std::string> contents(std::FILE* file) {
  std::string text;
  char block[64 * 1024];
  std::rewind(file);
  for (std::size_t got = 0; (got = std::fread(block, 1, sizeof(block), file)) > 0;) {
    text.append(block, got);
  }
  if (std::ferror(file) != 0) return fail(Errc::kIo, "cannot read what dot wrote");
  return text;
}

// The child's end: its exit status, or why it could not be run.
Result<int> run_dot(std::FILE* in, std::FILE* out, std::FILE* errors) {
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) {
    return fail(Errc::kIo, fmt::format("cannot run dot: {}", std::strerror(error)));
  }
  int error = 0;
  const auto redirect = [&](std::FILE* file, int descriptor) {
    if (error == 0) {
      error = posix_spawn_file_actions_adddup2(&actions, fileno(file), descriptor);
    }
  };
  redirect(in, STDIN_FILENO);
  redirect(out, STDOUT_FILENO);
  redirect(errors, STDERR_FILENO);
  std::string name = "dot";
  std::string format = "-Tsvg";
  char* arguments[] = {name.data(), format.data(), nullptr};
  pid_t child = 0;
  if (error == 0) error = posix_spawnp(&child, "dot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    return fail(Errc::kNotFound,
                "dot is not installed: it draws the picture (package graphviz); --format dot "
                "writes the graph without it");
  }
  if (error != 0) return fail(Errc::kIo, fmt::format("cannot run dot: {}", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return fail(Errc::kIo, fmt::format("cannot wait for dot: {}", std::strerror(errno)));
    }
  }
  return status;
}
}  // namespace

Result<std::string> draw_svg(const std::string& dot) {
  const TemporaryFile in(std::tmpfile());
  const TemporaryFile out(std::tmpfile());
  const TemporaryFile errors(std::tmpfile());
  if (!in || !out || !errors) {
    return fail(Errc::kIo, fmt::format("cannot make a temporary file: {}", std::strerror(errno)));
  }
  const bool written = std::fwrite(dot.data(), 1, dot.size(), in.get()) == dot.size() &&
                       std::fflush(in.get()) == 0 && std::fseek(in.get(), 0, SEEK_SET) == 0;
  if (!written) return fail(Errc::kIo, "cannot write a temporary file");
  const Result<int> status = run_dot(in.get(), out.get(), errors.get());
  if (!status) return tl::unexpected(status.error());
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    const Result<std::string> said = contents(errors.get());
    const std::string why = said ? said->substr(0, said->find('\n')) : std::string();
    return fail(Errc::kIo, fmt::format("dot failed{}{}", why.empty() ? "" : ": ", why));
  }
  return contents(out.get());
}
}  // namespace tocsin::api
