//! `heirloom completions` and `heirloom man`: made from the definition of the command line.

use std::path::PathBuf;

use clap_complete::Shell;
use clap_complete::aot::generate;
use clap_mangen::Man;

use super::failure::Failure;
use super::text::done;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    /// Write a page for each command into this folder, instead of all to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the script that completes this command in a shell.
pub(super) fn complete(flags: &Completions, mut command: clap::Command) -> Result<u8, Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(flags.shell, &mut command, name, &mut script);
    done(&String::from_utf8(script).expect("a script is text"))
}

/// Prints the manual, or writes a page for each command.
pub(super) fn run(flags: &Flags, command: clap::Command) -> Result<u8, Failure> {
    let pages = pages(command);
    let Some(folder) = &flags.out else {
        return done(&pages.into_iter().map(|page| page.text).collect::<String>());
    };
    let cannot = |error| Failure::Trouble(format!("cannot write {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    for Page { file, text } in pages {
        std::fs::write(folder.join(file), text).map_err(cannot)?;
    }
    Ok(0)
}

/// A page of the manual.
struct Page {
    /// The name of its file, such as `heirloom-check.1`.
    file: String,
    text: String,
}

/// The page of a command, then those of its commands.
fn pages(command: clap::Command) -> Vec<Page> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages);
    pages
}

fn add(command: &clap::Command, pages: &mut Vec<Page>) {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text).expect("a vector takes any text");
    let text = String::from_utf8(text).expect("a page is text");
    pages.push(Page { file: man.get_filename(), text });
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    visible.for_each(|command| add(command, pages));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;
    use clap_complete::Shell;
    use clap_complete::aot::generate;
    use expect_test::expect;

    use super::super::Arguments;
    use super::pages;

    /// The flags of every command, by the name of its page.
    fn flags(command: &clap::Command, into: &mut BTreeMap<String, Vec<String>>) {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let visible = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let long = visible.filter_map(|argument| Some(format!("--{}", argument.get_long()?)));
        into.insert(name, long.collect());
        let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
        commands.for_each(|command| flags(command, into));
    }

    #[test]
    fn every_command_has_a_page_with_all_of_its_flags_and_completes_them() {
        let mut command = Arguments::command();
        command.build();
        let mut wanted = BTreeMap::new();
        flags(&command, &mut wanted);
        let pages: BTreeMap<String, String> = pages(Arguments::command())
            .into_iter()
            .map(|page| (page.file.trim_end_matches(".1").to_owned(), page.text.replace('\\', "")))
            .collect();
        assert!(pages.keys().eq(wanted.keys()), "{:?}", pages.keys());
        let mut script = Vec::new();
        generate(Shell::Bash, &mut Arguments::command(), "heirloom", &mut script);
        let script = String::from_utf8(script).expect("a script is text");
        let mut count = 0;
        for (name, flags) in &wanted {
            for flag in flags {
                assert!(pages[name].contains(flag), "{flag} is not in the page of {name}");
                assert!(script.contains(flag), "{flag} of {name} is not completed");
                count += 1;
            }
        }
        expect!["105 flags on 22 pages; heirloom heirloom-bisect heirloom-check heirloom-clauses heirloom-clients heirloom-clients-fetch heirloom-completions heirloom-diff heirloom-export heirloom-judge heirloom-known heirloom-known-convert heirloom-known-update heirloom-man heirloom-matrix heirloom-merge heirloom-replay heirloom-servers heirloom-servers-fetch heirloom-servers-path heirloom-servers-prune heirloom-shrink"].assert_eq(&format!(
            "{count} flags on {} pages; {}",
            pages.len(),
            pages.keys().cloned().collect::<Vec<_>>().join(" ")
        ));
    }
}
