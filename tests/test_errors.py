import inspect

import lipsmith.errors as errors


def test_every_error_of_ours_is_in_the_tree_and_the_list() -> None:
    classes = {name for name, thing in vars(errors).items() if inspect.isclass(thing) and issubclass(thing, Exception)}
    assert sorted(classes) == errors.__all__
    assert all(issubclass(getattr(errors, name), errors.LipsmithError) for name in classes)


def test_the_drawing_shows_every_class_with_its_exit_code() -> None:
    for name in errors.__all__:
        line = next(line for line in (errors.__doc__ or "").splitlines() if f"{name} " in f"{line} ")
        assert f"exit {getattr(errors, name).exit_code}" in line


def test_the_public_list_is_sorted_and_complete() -> None:
    import lipsmith

    assert len(set(lipsmith.__all__)) == len(lipsmith.__all__)
    assert set(errors.__all__) <= set(lipsmith.__all__)
    assert all(hasattr(lipsmith, name) for name in lipsmith.__all__)
