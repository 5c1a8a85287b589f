package io.tocsin.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/** The program {@code tocsin}, which the environment names, and events that it makes. */
final class Program {
  static final Path CONSTRUCTS = Path.of("src/test/resources/constructs");
  static final Path COUPLED = Path.of("src/test/resources/coupled");
  static final Path PAYMENTS = Path.of("../../samples/payments");

  private static final Path FOLDER = folder();

  private Program() {}

  private static Path folder() {
    try {
      return Files.createTempDirectory("tocsin-flink");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** So many payments, transfers and logins, up to 1 s out of order. */
  static Path events(int count) throws Exception {
    Path path = FOLDER.resolve("events-" + count + ".jsonl");
    if (!Files.exists(path)) {
      run(
          "generate", "--events", "" + count, "--disorder", "1s", "--fraud", "5", "--out",
          path.toString(), "--quiet");
    }
    return path;
  }

  /** The lines of a file, one after the other, in so many. */
  static List<Path> divided(Path file, int count) throws Exception {
    List<String> lines = Files.readAllLines(file);
    List<Path> paths = new ArrayList<>();
    for (int part = 0; part < count; ++part) {
      List<String> some = new ArrayList<>();
      for (int i = part; i < lines.size(); i += count) {
        some.add(lines.get(i));
      }
      Path path = FOLDER.resolve(file.getFileName() + "." + part + "-of-" + count + ".jsonl");
      paths.add(Files.write(path, some));
    }
    return paths;
  }

  /**
   * Events with all that an intake has to deal with: many come too late, some twice, with equal ones
   * that have no id, far ahead, or as lines that are no events.
   */
  static Path roughEvents(int count) throws Exception {
    Path path = FOLDER.resolve("rough-" + count + ".jsonl");
    Path smooth = FOLDER.resolve("smooth-" + count + ".jsonl");
    run(
        "generate", "--events", "" + count, "--disorder", "8s", "--fraud", "5", "--out",
        smooth.toString(), "--quiet");
    List<String> lines = Files.readAllLines(smooth);
    List<String> rough = new ArrayList<>();
    for (int i = 0; i < lines.size(); ++i) {
      String line = lines.get(i);
      rough.add(line);
      if (i % 7 == 0) {
        rough.add(lines.get(Math.max(0, i - i % 40)));
      }
      if (i % 11 == 0) {
        String note = line.replaceFirst("\"type\":\"[a-z_]+\"", "\"type\":\"note\"");
        rough.add(note);
        rough.add(note);
      }
      if (i % 501 == 500) {
        rough.add(line.replaceFirst("\"ts\":17", "\"ts\":19"));
        rough.add("{\"type\":\"payment\",\"ts\":");
      }
    }
    return Files.write(path, rough);
  }

  /** What {@code tocsin run} gives over files, as lines. */
  record Results(List<String> alerts, List<String> late, List<String> rejected) {}

  static Results results(Path rules, List<Path> files) throws Exception {
    return results(rules, files, Map.of());
  }

  /** {@code settings} by their names in tocsin.h. */
  static Results results(Path rules, List<Path> files, Map<String, String> settings)
      throws Exception {
    Path late = Files.createTempFile(FOLDER, "late", ".jsonl");
    Path rejected = Files.createTempFile(FOLDER, "rejected", ".jsonl");
    List<String> arguments =
        new ArrayList<>(List.of("run", rules.toString(), "--quiet", "--order", "position"));
    arguments.addAll(List.of("--late", late.toString(), "--dead-letter", rejected.toString()));
    for (Path file : files) {
      arguments.addAll(List.of("--input", file.toString()));
    }
    settings.forEach(
        (name, value) -> arguments.addAll(List.of("--" + name.replace('_', '-'), value)));
    List<String> alerts = run(arguments.toArray(new String[0]));
    return new Results(alerts, Files.readAllLines(late), Files.readAllLines(rejected));
  }

  static List<String> alerts(Path rules, List<Path> files) throws Exception {
    return results(rules, files).alerts();
  }

  static List<String> alerts(Path rules, List<Path> files, Map<String, String> settings)
      throws Exception {
    return results(rules, files, settings).alerts();
  }

  /** What one machine gives whose rules change at times, in microseconds. */
  static List<String> alertsOfChanges(Path rules, SortedMap<Long, Path> changes, List<Path> files)
      throws Exception {
    List<String> arguments = new ArrayList<>();
    arguments.add(
        Path.of(System.getenv("TOCSIN_BUILD_DIR"), "tests", "changed_run").toString());
    arguments.add(rules.toString());
    for (Map.Entry<Long, Path> change : changes.entrySet()) {
      arguments.add(change.getKey().toString());
      arguments.add(change.getValue().toString());
    }
    arguments.add("--");
    files.forEach(file -> arguments.add(file.toString()));
    return start(arguments);
  }

  /** What the program writes to standard output. */
  static List<String> run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.add(0, System.getenv("TOCSIN_BINARY"));
    return start(command);
  }

  private static List<String> start(List<String> command) throws Exception {
    Path output = Files.createTempFile(FOLDER, "output", ".jsonl");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    int status = process.waitFor();
    if (status != 0 && status != 3) { // 3: some lines were no events
      throw new IllegalStateException(String.join(" ", command) + " failed");
    }
    return Files.readAllLines(output);
  }
}
