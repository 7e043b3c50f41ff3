// SPDX-License-Identifier: Apache-2.0
package import Files
import Foundation

/// A line that could not be used.
struct LineError: Error {
  var error: InputError
  /// Whether its length alone is at fault.
  var isLength: Bool
}

extension InputError {
  /// The error of a data file's line, which has a remedy if no better one is known: such lines may be left out.
  package var ofLine: InputError {
    guard remedy.isEmpty else { return self }
    var error = self
    error.remedy = "Correct it, or leave such lines out: data.skipBad: true, or --skip-bad."
    return error
  }
}

/// Encodes lines on all cores; results are in the order of the lines.
func encodedOnAllCores<Encoded: Sendable>(
  _ lines: some RandomAccessCollection<Int> & Sendable,
  _ encode: @Sendable (_ line: Int) throws(LineError) -> Encoded
) -> [Result<Encoded, LineError>] {
  let lines = Array(lines)
  var results = [Result<Encoded, LineError>?](repeating: nil, count: lines.count)
  results.withUnsafeMutableBufferPointer { results in
    // Each index is written by one thread alone.
    nonisolated(unsafe) let results = results
    let stripes = min(lines.count, ProcessInfo.processInfo.activeProcessorCount * 4)
    Threads.perform(stripes) { stripe in
      for index in stride(from: stripe, to: lines.count, by: stripes) {
        results[index] = Result { () throws(LineError) in try encode(lines[index]) }
      }
    }
  }
  return results.compactMap { $0 }
}

extension RecordFile {
  /// An error of the encoder names the record; the file's path and the line say more.
  func named(_ error: InputError, _ index: Int) -> InputError {
    guard error.path == name(index) else { return error }
    var error = error
    error.path = path(of: index)
    error.place = place(index) + (error.place.isEmpty ? "" : ", \(error.place)")
    return error
  }
}
