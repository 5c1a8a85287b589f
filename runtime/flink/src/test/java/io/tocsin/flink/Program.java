package io.tocsin.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The program {@code tocsin}, which the environment names, and events that it makes. */
final class Program {
  static final Path CONSTRUCTS = Path.of("src/test/resources/constructs");
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

  /** The alerts of {@code tocsin run} over files, as lines. */
  static List<String> alerts(Path rules, List<Path> files) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("run", rules.toString(), "--quiet", "--order", "position"));
    for (Path file : files) {
      arguments.add("--input");
      arguments.add(file.toString());
    }
    return run(arguments.toArray(new String[0]));
  }

  private static List<String> run(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.add(0, System.getenv("TOCSIN_BINARY"));
    Path output = Files.createTempFile(FOLDER, "output", ".jsonl");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (process.waitFor() != 0) {
      throw new IllegalStateException("tocsin " + String.join(" ", arguments) + " failed");
    }
    return Files.readAllLines(output);
  }
}
