# The part of nixpkgs' lib that this flake uses, with the same meaning.
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    filter
    functionArgs
    intersectAttrs
    isFunction
    isList
    listToAttrs
    map
    match
    replaceStrings
    stringLength
    substring
    ;

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;

  hasSuffix =
    suffix: text:
    let
      start = stringLength text - stringLength suffix;
    in
    start >= 0 && substring start (stringLength suffix) text == suffix;

  nameValuePair = name: value: { inherit name value; };

  # A derivation function whose arguments can be changed afterwards.
  makeOverridable =
    f: args:
    let
      result = f args;
    in
    if builtins.isAttrs result then
      result // { override = new: makeOverridable f (args // (if isFunction new then new args else new)); }
    else
      result;

  cleanSourceWith =
    {
      src,
      filter ? (_: _: true),
      name ? "source",
    }:
    builtins.path {
      inherit filter name;
      path = src;
    };
in
rec {
  inherit (builtins)
    attrValues
    concatMap
    concatStringsSep
    filter
    genList
    listToAttrs
    mapAttrs
    readFile
    ;
  inherit
    cleanSourceWith
    hasPrefix
    hasSuffix
    makeOverridable
    nameValuePair
    ;

  callPackageWith =
    scope: file: args:
    let
      f = if isFunction file then file else import file;
    in
    makeOverridable f (intersectAttrs (functionArgs f) scope // args);

  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  concatStrings = concatStringsSep "";
  concatLists = builtins.concatLists;
  escapeShellArg =
    arg:
    let
      text = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" text != null then text else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  fileContents = file: removeSuffix "\n" (builtins.readFile file);
  filterAttrs =
    keep: set:
    listToAttrs (map (name: nameValuePair name set.${name}) (filter (name: keep name set.${name}) (attrNames set)));
  flatten = x: if isList x then builtins.concatMap flatten x else [ x ];
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  getAttrFromPath = path: set: builtins.foldl' (value: name: value.${name}) set path;
  importJSON = file: builtins.fromJSON (builtins.readFile file);
  importTOML = file: builtins.fromTOML (builtins.readFile file);
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  optional = condition: value: if condition then [ value ] else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  optionalString = condition: text: if condition then text else "";
  optionals = condition: list: if condition then list else [ ];
  removePrefix =
    prefix: text:
    if hasPrefix prefix text then substring (stringLength prefix) (stringLength text) text else text;
  removeSuffix =
    suffix: text:
    if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  splitString = separator: text: filter builtins.isString (builtins.split (escapeRegex separator) text);
  escapeRegex = replaceStrings [ "." "+" "*" "?" "(" ")" "[" "]" "{" "}" "|" "^" "$" "\\" ] (
    map (c: "\\${c}") [ "." "+" "*" "?" "(" ")" "[" "]" "{" "}" "|" "^" "$" "\\" ]
  );
  toInt = text: builtins.fromJSON text;
  unique = builtins.foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];

  licenses = {
    mit.spdxId = "MIT";
    asl20.spdxId = "Apache-2.0";
  };
  platforms.linux = [ "x86_64-linux" ];
}
