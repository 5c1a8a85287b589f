package io.tocsin.flink;

import java.io.Serializable;
import java.util.List;

/**
 * Where the state of a job comes from and goes to, beside checkpoints.
 *
 * @param readFrom a state folder that a job without a checkpoint begins from, or null
 * @param writeTo the state folder that is written when the inputs have ended, or null: then time
 *     ends with them
 * @param labels of the operators that write to it
 */
record StateSettings(String readFrom, String writeTo, List<String> labels) implements Serializable {}
