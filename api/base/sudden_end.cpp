#include "api/base/sudden_end.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "api/base/command.h"
#include "api/base/exit_code.h"

namespace tocsin::api {
namespace {
// Made by the compiler: there may be no memory to make them of.
#define TOCSIN_OUT_OF_MEMORY(what)                                                                 \
  "tocsin: out of memory: " what                                                                   \
  "\nraise the limit of the process (`ulimit -v`, the container's or the unit's), or reduce what " \
  "it needs: --memory-max and --reorder-memory, or rules with shorter windows\n"
constexpr std::string_view kNoMemory = TOCSIN_OUT_OF_MEMORY("memory could not be allocated");
constexpr std::string_view kNoThread = TOCSIN_OUT_OF_MEMORY("no thread could be started");
#undef TOCSIN_OUT_OF_MEMORY

constexpr std::size_t kStackBytes = std::size_t{512} << 10;
constexpr std::size_t kPageBytes = 4096;

[[noreturn]] void end_now(std::string_view message) {
  static_cast<void>(!::write(STDERR_FILENO, message.data(), message.size()));
  std::_Exit(static_cast<int>(ExitCode::kInputOutput));
}

[[noreturn]] void end_without_memory() { end_now(kNoMemory); }

[[noreturn]] void end_by_exception() {
  const std::exception_ptr why = std::current_exception();
  if (!why) std::abort();  // a defect, of which a core says more
  try {
    std::rethrow_exception(why);
  } catch (const std::bad_alloc&) {
    end_now(kNoMemory);
  } catch (const std::system_error& error) {
    const bool no_room = error.code() == std::errc::resource_unavailable_try_again ||
                         error.code() == std::errc::not_enough_memory;
    if (no_room) end_now(kNoThread);
    end_with(ExitCode::kInputOutput, fmt::format("ended by an unexpected error: {}", error.what()));
  } catch (const std::exception& error) {
    end_with(ExitCode::kInputOutput, fmt::format("ended by an unexpected error: {}", error.what()));
  } catch (...) {
    end_with(ExitCode::kInputOutput, "ended by an unexpected error");
  }
  std::_Exit(static_cast<int>(ExitCode::kInputOutput));
}

// The main thread's stack grows as it is used, and where the address space is full that is a
// segmentation fault. So what the program needs of it is taken while there is room.
[[gnu::noinline]] void touch_stack() {
  [[maybe_unused]] volatile std::byte room[kStackBytes];
  for (std::size_t at = 0; at < kStackBytes; at += kPageBytes) room[at] = std::byte{0};
}

void take_stack() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur < 2 * kStackBytes) return;
  constexpr std::size_t kProbed = 2 * kStackBytes;
  void* const probed =
      ::mmap(nullptr, kProbed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probed == MAP_FAILED) end_without_memory();
  ::munmap(probed, kProbed);
  touch_stack();
}
}  // namespace

void end_at_once_when_lost() {
  std::set_new_handler(end_without_memory);
  std::set_terminate(end_by_exception);
  take_stack();
}
}  // namespace tocsin::api
