"""The recipes: ``latentlab.recipes.RECIPES``, by name; ``recipe(name)`` finds one."""

from latentlab.config.recipes import RECIPES, Recipe, recipe

__all__ = ["RECIPES", "Recipe", "recipe"]
