// SPDX-License-Identifier: Apache-2.0
public import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files of examples: paths, and patterns with `*`, `?` and `[…]`, in the order in which they are read.
public struct DataSource: Sendable, Hashable {
  /// As given.
  public var patterns: [String]

  /// One path or pattern.
  public init(_ pattern: String) { patterns = [pattern] }

  /// Several, at least one.
  public init(_ patterns: [String]) {
    precondition(!patterns.isEmpty, "no file")
    self.patterns = patterns
  }

  /// How errors and tables name it: the path or pattern; of several the first, and how many more.
  public var path: String { patterns.count == 1 ? patterns[0] : "\(patterns[0]) and \(patterns.count - 1) more" }

  /// A short name, which a file can have: the first's without ending and pattern.
  public var name: String {
    let file = patterns[0].split(separator: "/").last.map(String.init) ?? patterns[0]
    let stem = file.split(separator: ".").first.map(String.init) ?? file
    return String(stem.map { "*?[]".contains($0) ? "_" : $0 })
  }

  /// The files, those of a pattern in the order of their names' bytes.
  ///
  /// - Throws: `InputError` for a pattern that no file has, and a file that occurs twice.
  public func files() throws(InputError) -> [String] {
    var files = [String](), seen = Set<String>()
    for pattern in patterns {
      for file in try Self.files(pattern) {
        guard seen.insert(file).inserted else {
          throw InputError(
            path: file, expected: "each file once", found: "it twice", remedy: "It is in two patterns, or listed again."
          )
        }
        files.append(file)
      }
    }
    return files
  }

  /// Whether all of it is there.
  public var exists: Bool { (try? files().allSatisfy { fileExists($0) }) ?? false }

  private static func files(_ pattern: String) throws(InputError) -> [String] {
    // A name may hold such characters itself.
    guard !fileExists(pattern), pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
    var found = glob_t()
    defer { globfree(&found) }
    let code = glob(pattern, GLOB_NOSORT, nil, &found)
    guard code == 0 else {
      throw InputError(
        path: pattern, expected: "files of this pattern",
        found: code == GLOB_NOMATCH ? "none" : "a folder that cannot be read",
        remedy: code == GLOB_NOMATCH ? "Patterns in a run file are as seen from its folder." : "")
    }
    let paths = (0..<Int(found.gl_pathc)).compactMap { index in
      found.gl_pathv[index].flatMap { String(validatingCString: $0) }
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension DataSource: ExpressibleByStringInterpolation {
  /// One path or pattern.
  public init(stringLiteral value: String) { self.init(value) }
}
