package io.tocsin.flink;

import java.time.Duration;

/** The words of a command line of jobs. What is wrong is an IllegalArgumentException that says what. */
final class JobWords {
  private final String[] words;
  private int next;

  JobWords(String... words) {
    this.words = words;
  }

  boolean hasNext() {
    return next < words.length;
  }

  String next() {
    return words[next++];
  }

  /** What follows an option. */
  String valueOf(String option) {
    if (!hasNext()) {
      throw new IllegalArgumentException(option + " needs a value");
    }
    return next();
  }

  static boolean yesOrNo(String option, String value) {
    if (!value.equals("yes") && !value.equals("no")) {
      throw new IllegalArgumentException(option + " is yes or no, not " + value);
    }
    return value.equals("yes");
  }

  /** Of parts. */
  static int number(String option, String value) {
    if (!value.matches("[1-9][0-9]{0,3}") || Integer.parseInt(value) > KeyGroups.COUNT) {
      throw new IllegalArgumentException(option + " is a number from 1 to " + KeyGroups.COUNT);
    }
    return Integer.parseInt(value);
  }

  static Duration aboveZero(String option, String value) {
    Duration time = duration(option, value);
    if (time.toMillis() <= 0) {
      throw new IllegalArgumentException(option + " is a time above 0, as in 10m, not " + value);
    }
    return time;
  }

  static Duration duration(String option, String value) {
    try {
      if (value.matches("[0-9]+ms")) {
        return Duration.ofMillis(Long.parseLong(value.substring(0, value.length() - 2)));
      }
      return Duration.parse(value.startsWith("P") ? value : "PT" + value);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(option + " is a time, as in 5s or 100ms, not " + value, e);
    }
  }
}
