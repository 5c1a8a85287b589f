// What io.tocsin.flink.Native declares: the stages of include/tocsin.h for Java, one to one. Bytes
// cross as arrays and are copied once; texts are UTF-8. Failures become a TocsinException.
#include <jni.h>
#include <tocsin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {
// Raised when the methods of Native change: a jar of another number is refused.
constexpr const char* kInterface = "+java.5";

// What may become of a line.
constexpr std::size_t kOutcomes = TOCSIN_EVENT_HELD + 1;

// A stage, and memory for what its calls take and give.
struct JavaStage {
  std::string name;  // begins the message of each failure
  tocsin_stage* stage = nullptr;
  tocsin_buffer* output = nullptr;
  std::string input;
  std::string source;
};

JavaStage& stage_of(jlong handle) { return *reinterpret_cast<JavaStage*>(handle); }
tocsin_pack* pack_of(jlong handle) { return reinterpret_cast<tocsin_pack*>(handle); }

jbyteArray bytes_of(JNIEnv* env, const char* data, std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<jsize>::max())) {
    env->ThrowNew(env->FindClass("java/lang/OutOfMemoryError"), "a result of over 2 GiB");
    return nullptr;
  }
  const auto length = static_cast<jsize>(size);
  jbyteArray array = env->NewByteArray(length);
  if (array != nullptr) {
    env->SetByteArrayRegion(array, 0, length, reinterpret_cast<const jbyte*>(data));
  }
  return array;
}
jbyteArray bytes_of(JNIEnv* env, const tocsin_buffer* buffer) {
  return bytes_of(env, tocsin_buffer_data(buffer), tocsin_buffer_size(buffer));
}

void copy_bytes(JNIEnv* env, jbyteArray array, std::string& to) {
  const jsize size = env->GetArrayLength(array);
  to.resize(static_cast<std::size_t>(size));
  env->GetByteArrayRegion(array, 0, size, reinterpret_cast<jbyte*>(to.data()));
}
std::string text_of(JNIEnv* env, jbyteArray array) {
  std::string text;
  copy_bytes(env, array, text);
  return text;
}

// Throws new TocsinException(status, message, details).
void throw_failure(JNIEnv* env, tocsin_status status, const std::string& message,
                   const std::string& details) {
  jclass type = env->FindClass("io/tocsin/flink/TocsinException");
  if (type == nullptr) return;
  jmethodID make = env->GetMethodID(type, "<init>", "([B[B[B)V");
  if (make == nullptr) return;
  const std::string name = tocsin_status_name(status);
  jbyteArray name_bytes = bytes_of(env, name.data(), name.size());
  jbyteArray message_bytes = bytes_of(env, message.data(), message.size());
  jbyteArray details_bytes = bytes_of(env, details.data(), details.size());
  if (env->ExceptionCheck() != JNI_FALSE) return;
  auto* made =
      static_cast<jthrowable>(env->NewObject(type, make, name_bytes, message_bytes, details_bytes));
  if (made != nullptr) env->Throw(made);
}

// Calls a function of tocsin.h, whose last argument is the error. False: an exception is pending,
// whose message begins with `name`.
template <typename Function, typename... Arguments>
bool call(JNIEnv* env, const std::string& name, Function&& function, Arguments&&... arguments) {
  tocsin_error* error = nullptr;
  const tocsin_status status = function(std::forward<Arguments>(arguments)..., &error);
  if (status == TOCSIN_OK) return true;
  const char* message = tocsin_error_message(error);
  throw_failure(env, status, name + (message == nullptr ? "" : message), "");
  tocsin_error_free(error);
  return false;
}
template <typename Function, typename... Arguments>
bool call(JNIEnv* env, const JavaStage& of, Function&& function, Arguments&&... arguments) {
  return call(env, of.name, std::forward<Function>(function), of.stage,
              std::forward<Arguments>(arguments)...);
}

// The work of a native method. No C++ exception gets into the virtual machine.
template <typename Result, typename Work>
Result guarded(JNIEnv* env, Result otherwise, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::exception& thrown) {
    env->ThrowNew(env->FindClass("java/lang/OutOfMemoryError"), thrown.what());
    return otherwise;
  }
}

struct RuleTexts {
  std::vector<std::string> names;
  std::vector<std::string> texts;
};
RuleTexts rule_texts(JNIEnv* env, jobjectArray names, jobjectArray texts) {
  RuleTexts read;
  const jsize count = env->GetArrayLength(names);
  for (jsize i = 0; i < count; ++i) {
    auto* name = static_cast<jbyteArray>(env->GetObjectArrayElement(names, i));
    auto* text = static_cast<jbyteArray>(env->GetObjectArrayElement(texts, i));
    read.names.push_back(text_of(env, name));
    read.texts.push_back(text_of(env, text));
    env->DeleteLocalRef(name);
    env->DeleteLocalRef(text);
  }
  return read;
}

jlong load_pack(JNIEnv* env, const RuleTexts& rules) {
  std::vector<tocsin_text> files;
  files.reserve(rules.names.size());
  for (std::size_t i = 0; i < rules.names.size(); ++i) {
    files.push_back({rules.names[i].c_str(), rules.texts[i].data(), rules.texts[i].size()});
  }
  tocsin_buffer* diagnostics = tocsin_buffer_new();
  tocsin_pack* pack = nullptr;
  tocsin_error* error = nullptr;
  const tocsin_status status =
      tocsin_pack_load_texts(files.data(), files.size(), nullptr, &pack, diagnostics, &error);
  if (status != TOCSIN_OK) {
    const char* message = tocsin_error_message(error);
    throw_failure(env, status, message == nullptr ? "" : message,
                  {tocsin_buffer_data(diagnostics), tocsin_buffer_size(diagnostics)});
    tocsin_error_free(error);
  }
  tocsin_buffer_free(diagnostics);
  return reinterpret_cast<jlong>(pack);
}
}  // namespace

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): Java finds its methods by these names.
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_version(JNIEnv* env, jclass /*type*/) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    const std::string version = std::string(tocsin_version()) + kInterface;
    return bytes_of(env, version.data(), version.size());
  });
}

JNIEXPORT jlong JNICALL Java_io_tocsin_flink_Native_packLoad(JNIEnv* env, jclass /*type*/,
                                                             jobjectArray names,
                                                             jobjectArray texts) {
  return guarded<jlong>(env, 0, [&] { return load_pack(env, rule_texts(env, names, texts)); });
}
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_packDescribeJob(JNIEnv* env,
                                                                         jclass /*type*/,
                                                                         jlong pack) {
  tocsin_buffer* json = tocsin_buffer_new();
  jbyteArray bytes = nullptr;
  if (call(env, "", tocsin_pack_describe_job, pack_of(pack), json)) bytes = bytes_of(env, json);
  tocsin_buffer_free(json);
  return bytes;
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_packFree(JNIEnv* /*env*/, jclass /*type*/,
                                                            jlong pack) {
  tocsin_pack_free(pack_of(pack));
}

JNIEXPORT jlong JNICALL Java_io_tocsin_flink_Native_stageOpen(JNIEnv* env, jclass /*type*/,
                                                              jlong pack, jint kind, jint pass,
                                                              jbyteArray options, jbyteArray name) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    const std::string text = text_of(env, options);
    auto made = std::make_unique<JavaStage>();
    made->name = text_of(env, name) + ": ";
    if (!call(env, made->name, tocsin_stage_open, pack_of(pack), static_cast<int>(kind),
              static_cast<std::uint32_t>(pass), text.c_str(), &made->stage)) {
      return 0;
    }
    made->output = tocsin_buffer_new();
    return reinterpret_cast<jlong>(made.release());
  });
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageFree(JNIEnv* /*env*/, jclass /*type*/,
                                                             jlong handle) {
  JavaStage* stage = &stage_of(handle);
  tocsin_stage_free(stage->stage);
  tocsin_buffer_free(stage->output);
  delete stage;
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageSetParts(JNIEnv* env, jclass /*type*/,
                                                                 jlong handle, jint kind, jint pass,
                                                                 jint parts) {
  call(env, stage_of(handle), tocsin_stage_set_parts, static_cast<int>(kind),
       static_cast<std::uint32_t>(pass), static_cast<std::uint32_t>(parts));
}

JNIEXPORT jint JNICALL Java_io_tocsin_flink_Native_stagePutLine(JNIEnv* env, jclass /*type*/,
                                                                jlong handle, jbyteArray source,
                                                                jbyteArray line, jlong taken_at,
                                                                jlong record, jint index) {
  return guarded<jint>(env, -1, [&]() -> jint {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, source, of.source);
    copy_bytes(env, line, of.input);
    int outcome = -1;
    call(env, of, tocsin_stage_put_line, of.source.data(), of.source.size(), of.input.data(),
         of.input.size(), std::int64_t{taken_at}, static_cast<std::uint64_t>(record),
         static_cast<std::uint32_t>(index), &outcome);
    return outcome;
  });
}
// Each line of a message, which are numbered from 0. `outcomes` counts what became of them.
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stagePutLines(JNIEnv* env, jclass /*type*/,
                                                                 jlong handle, jbyteArray source,
                                                                 jbyteArray lines, jlong taken_at,
                                                                 jlong record, jintArray outcomes) {
  guarded<int>(env, 0, [&] {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, source, of.source);
    copy_bytes(env, lines, of.input);
    std::array<jint, kOutcomes> counts{};
    std::string_view rest = of.input;
    for (std::uint32_t index = 0; !rest.empty(); ++index) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      int outcome = 0;
      if (!call(env, of, tocsin_stage_put_line, of.source.data(), of.source.size(), line.data(),
                line.size(), std::int64_t{taken_at}, static_cast<std::uint64_t>(record), index,
                &outcome)) {
        return 0;
      }
      ++counts.at(static_cast<std::size_t>(outcome));
    }
    env->SetIntArrayRegion(outcomes, 0, kOutcomes, counts.data());
    return 0;
  });
}
JNIEXPORT jlong JNICALL Java_io_tocsin_flink_Native_stageSourceWatermark(JNIEnv* env,
                                                                         jclass /*type*/,
                                                                         jlong handle,
                                                                         jbyteArray source) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, source, of.source);
    std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
    call(env, of, tocsin_stage_source_watermark, of.source.data(), of.source.size(), &watermark);
    return watermark;
  });
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageEndSource(JNIEnv* env, jclass /*type*/,
                                                                  jlong handle, jbyteArray source) {
  guarded<int>(env, 0, [&] {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, source, of.source);
    call(env, of, tocsin_stage_end_source, of.source.data(), of.source.size());
    return 0;
  });
}
// 1: late events, any other number: rejected lines.
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageTakeLines(JNIEnv* env,
                                                                        jclass /*type*/,
                                                                        jlong handle, jint which) {
  const JavaStage& of = stage_of(handle);
  const int output = which == 1 ? static_cast<int>(TOCSIN_LATE) : static_cast<int>(TOCSIN_REJECTED);
  return call(env, of, tocsin_stage_take_lines, output, of.output) ? bytes_of(env, of.output)
                                                                   : nullptr;
}
JNIEXPORT jint JNICALL Java_io_tocsin_flink_Native_stagePutEvent(JNIEnv* env, jclass /*type*/,
                                                                 jlong handle, jbyteArray line,
                                                                 jlong engine_time, jlong record,
                                                                 jint index, jint equal_number) {
  return guarded<jint>(env, -1, [&]() -> jint {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, line, of.input);
    int outcome = -1;
    call(env, of, tocsin_stage_put_event, of.input.data(), of.input.size(),
         std::int64_t{engine_time}, static_cast<std::uint64_t>(record),
         static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(equal_number), &outcome);
    return outcome;
  });
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stagePut(JNIEnv* env, jclass /*type*/,
                                                            jlong handle, jbyteArray block) {
  guarded<int>(env, 0, [&] {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, block, of.input);
    call(env, of, tocsin_stage_put, of.input.data(), of.input.size());
    return 0;
  });
}
JNIEXPORT jboolean JNICALL Java_io_tocsin_flink_Native_stageAdvance(JNIEnv* env, jclass /*type*/,
                                                                    jlong handle, jlong watermark,
                                                                    jlong work_max) {
  int done = 0;
  call(env, stage_of(handle), tocsin_stage_advance, std::int64_t{watermark},
       static_cast<std::size_t>(work_max), &done);
  return done != 0 ? JNI_TRUE : JNI_FALSE;
}
// `to` becomes the kind, pass and part of the stage that the block is for. Null: there is no more.
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageTake(JNIEnv* env, jclass /*type*/,
                                                                   jlong handle, jintArray to) {
  const JavaStage& of = stage_of(handle);
  int kind = 0;
  std::uint32_t pass = 0;
  std::uint32_t part = 0;
  if (!call(env, of, tocsin_stage_take, &kind, &pass, &part, of.output)) return nullptr;
  if (tocsin_buffer_size(of.output) == 0) return nullptr;
  const jint place[] = {kind, static_cast<jint>(pass), static_cast<jint>(part)};
  env->SetIntArrayRegion(to, 0, 3, place);
  return bytes_of(env, of.output);
}
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageTakeAlerts(JNIEnv* env,
                                                                         jclass /*type*/,
                                                                         jlong handle) {
  const JavaStage& of = stage_of(handle);
  return call(env, of, tocsin_stage_take_alerts, of.output) ? bytes_of(env, of.output) : nullptr;
}

JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stagePrepare(JNIEnv* env, jclass /*type*/,
                                                                jlong handle, jlong pack,
                                                                jlong from) {
  call(env, stage_of(handle), tocsin_stage_prepare, pack_of(pack), std::int64_t{from});
}
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageTakeReport(JNIEnv* env,
                                                                         jclass /*type*/,
                                                                         jlong handle) {
  const JavaStage& of = stage_of(handle);
  return call(env, of, tocsin_stage_take_report, of.output) ? bytes_of(env, of.output) : nullptr;
}

JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageCut(JNIEnv* env, jclass /*type*/,
                                                            jlong handle) {
  call(env, stage_of(handle), tocsin_stage_cut);
}
// `done[0]` becomes true when these were the last entries.
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageTakeCut(JNIEnv* env, jclass /*type*/,
                                                                      jlong handle, jlong bytes_max,
                                                                      jbooleanArray done) {
  const JavaStage& of = stage_of(handle);
  int is_last = 0;
  if (!call(env, of, tocsin_stage_take_cut, static_cast<std::size_t>(bytes_max), of.output,
            &is_last)) {
    return nullptr;
  }
  const jboolean last = is_last != 0 ? JNI_TRUE : JNI_FALSE;
  env->SetBooleanArrayRegion(done, 0, 1, &last);
  return bytes_of(env, of.output);
}
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageBeginRestore(JNIEnv* env,
                                                                           jclass /*type*/,
                                                                           jlong handle,
                                                                           jbyteArray entries) {
  return guarded<jbyteArray>(env, nullptr, [&]() -> jbyteArray {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, entries, of.input);
    return call(env, of, tocsin_stage_begin_restore, of.input.data(), of.input.size(), of.output)
               ? bytes_of(env, of.output)
               : nullptr;
  });
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageRestore(JNIEnv* env, jclass /*type*/,
                                                                jlong handle, jbyteArray entries) {
  guarded<int>(env, 0, [&] {
    JavaStage& of = stage_of(handle);
    copy_bytes(env, entries, of.input);
    call(env, of, tocsin_stage_restore, of.input.data(), of.input.size());
    return 0;
  });
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageFinishRestore(JNIEnv* env, jclass /*type*/,
                                                                      jlong handle,
                                                                      jboolean writes_all) {
  call(env, stage_of(handle), tocsin_stage_finish_restore, writes_all != JNI_FALSE ? 1 : 0);
}

JNIEXPORT jlong JNICALL Java_io_tocsin_flink_Native_stageWatermark(JNIEnv* env, jclass /*type*/,
                                                                   jlong handle) {
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  call(env, stage_of(handle), tocsin_stage_watermark, &watermark);
  return watermark;
}
JNIEXPORT jbyteArray JNICALL Java_io_tocsin_flink_Native_stageStatistics(JNIEnv* env,
                                                                         jclass /*type*/,
                                                                         jlong handle) {
  const JavaStage& of = stage_of(handle);
  return call(env, of, tocsin_stage_statistics, of.output) ? bytes_of(env, of.output) : nullptr;
}
JNIEXPORT jlongArray JNICALL Java_io_tocsin_flink_Native_stageCount(JNIEnv* env, jclass /*type*/,
                                                                    jlong handle) {
  constexpr jsize kCount = sizeof(tocsin_counters) / sizeof(jlong);
  tocsin_counters counters{};
  if (!call(env, stage_of(handle), tocsin_stage_count, &counters, sizeof(counters))) return nullptr;
  jlong values[kCount];
  std::memcpy(values, &counters, sizeof(counters));
  jlongArray made = env->NewLongArray(kCount);
  if (made != nullptr) env->SetLongArrayRegion(made, 0, kCount, values);
  return made;
}
JNIEXPORT void JNICALL Java_io_tocsin_flink_Native_stageMemory(JNIEnv* env, jclass /*type*/,
                                                               jlong handle, jlong max_bytes) {
  call(env, stage_of(handle), tocsin_stage_memory, static_cast<std::uint64_t>(max_bytes));
}
// NOLINTEND(readability-identifier-naming)
}  // extern "C"
